"""The rules of belonging to an organization: who is there, with which role, and who leaves."""

from dataclasses import dataclass

from sqlmodel import Session

from supafleet.accounts.models import Account
from supafleet.db import row_id
from supafleet.errors import Conflict, NotFound, quote
from supafleet.organizations import repository
from supafleet.organizations.models import Membership, Role


@dataclass(frozen=True)
class Member:
    """An account and its role."""

    gotrue_id: str
    username: str
    email: str
    role: Role


def list_members(session: Session, organization_id: int) -> list[Member]:
    """Who belongs to the organization, in the order of joining."""
    return [_member(membership, account) for membership, account in repository.list_members(session, organization_id)]


def assign_role(session: Session, organization_id: int, gotrue_id: str, role: Role) -> Member:
    """Give a member another role.

    Raises:
        NotFound: the organization has no such member.
        Conflict: it is the last owner.
    """
    membership, account = _find(session, organization_id, gotrue_id)
    if role is not Role.OWNER:
        _require_another_owner(session, organization_id, membership, "given another role")
        _take_back_invitations(session, organization_id, account)
    membership.role = role
    session.add(membership)
    session.flush()
    return _member(membership, account)


def remove_member(session: Session, organization_id: int, gotrue_id: str) -> None:
    """Let a member belong to the organization no more.

    Raises:
        NotFound: the organization has no such member.
        Conflict: it is the last owner.
    """
    membership, account = _find(session, organization_id, gotrue_id)
    _require_another_owner(session, organization_id, membership, "removed")
    _take_back_invitations(session, organization_id, account)
    session.delete(membership)
    session.flush()


def _find(session: Session, organization_id: int, gotrue_id: str) -> tuple[Membership, Account]:
    repository.lock_organization(session, organization_id)  # two owners must not remove each other
    for membership, account in repository.list_members(session, organization_id):
        if account.gotrue_id == gotrue_id:
            return membership, account
    raise NotFound(f"The organization has no member {quote(gotrue_id)}.")


def _require_another_owner(session: Session, organization_id: int, leaving: Membership, what: str) -> None:
    if leaving.role != Role.OWNER:
        return
    members = repository.list_members(session, organization_id)
    if not any(one.role == Role.OWNER and one.id != leaving.id for one, _ in members):
        raise Conflict(f"The last owner of an organization cannot be {what}: make another member an owner first.")


def _take_back_invitations(session: Session, organization_id: int, account: Account) -> None:
    # An invitation must not outlive the right to give it.
    repository.delete_invitations_by(session, organization_id, row_id(account))


def _member(membership: Membership, account: Account) -> Member:
    return Member(account.gotrue_id, account.username, account.primary_email, Role(membership.role))
