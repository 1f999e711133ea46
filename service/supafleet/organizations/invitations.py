"""The rules of invitations: a role that waits for somebody, behind a token that the inviter passes on."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from supafleet.accounts.service import Actor, hash_token
from supafleet.audit import trail
from supafleet.db import utc_now
from supafleet.errors import Conflict, Forbidden, NotFound, quote
from supafleet.organizations import repository, service
from supafleet.organizations.models import Invitation, Organization, Role

LIFETIME = timedelta(days=7)
_GONE = "The invitation does not exist, was taken back or used, or has expired."


@dataclass(frozen=True)
class Invited:
    """An invitation, with the token that is told this one time."""

    email: str
    role: Role
    token: str
    expires_at: datetime


def invite(session: Session, organization_id: int, actor: Actor, wishes: Sequence[tuple[str, Role]]) -> list[Invited]:
    """Invite people by mail address, all or none; a second invitation takes the place of the first.

    Raises:
        Forbidden: somebody who is no owner invites an owner.
        Conflict: one of them is a member already.
    """
    if service.role_of(session, organization_id, actor) is not Role.OWNER and Role.OWNER in [
        role for _, role in wishes
    ]:
        raise Forbidden("Only an owner may invite somebody as owner.")
    present = {account.primary_email.lower() for _, account in repository.list_members(session, organization_id)}
    now = utc_now()
    invited = []
    for email, role in wishes:
        if email in present:
            raise Conflict(f"{quote(email)} belongs to the organization already.")
        repository.delete_invitations(session, organization_id, [email])
        one = Invited(email, role, secrets.token_urlsafe(32), now + LIFETIME)
        fields = {
            "organization_id": organization_id,
            "email": email,
            "role": role,
            "token_hash": hash_token(one.token),
            "invited_by": actor.account_id,
            "created_at": now,
            "expires_at": one.expires_at,
        }
        session.add(Invitation.model_validate(fields))
        session.flush()
        invited.append(one)
    return invited


def list_pending(session: Session, organization_id: int) -> list[Invitation]:
    """The organization's invitations that can still be accepted, oldest first."""
    now = utc_now()
    return [row for row in repository.list_invitations(session, organization_id) if now < row.expires_at]


def take_back(session: Session, organization_id: int, emails: Sequence[str]) -> list[str]:
    """Let invitations be worth nothing; the mail addresses that had one.

    Raises:
        NotFound: none of them had one.
    """
    taken = repository.delete_invitations(session, organization_id, emails)
    if not taken:
        raise NotFound("Nobody with one of these mail addresses is invited.")
    return taken


def is_for(session: Session, token: str, email: str) -> bool:
    """Whether the token is of a valid invitation for this mail address."""
    row = repository.find_invitation(session, hash_token(token))
    return row is not None and utc_now() < row.expires_at and row.email == email


def accept(session: Session, token: str, actor: Actor) -> tuple[Organization, Role]:
    """Let the invited account belong to the organization; the invitation is used up.

    Raises:
        NotFound: the invitation is not valid.
        Forbidden: it is for another mail address.
        Conflict: the account belongs to the organization already.
    """
    row = repository.lock_invitation(session, hash_token(token))
    if row is None or utc_now() >= row.expires_at:
        raise NotFound(_GONE)
    trail.note_organization(row.organization_id)
    if row.email != actor.primary_email.lower():
        raise Forbidden("The invitation is for another mail address than that of this account.")
    repository.lock_organization(session, row.organization_id)
    if service.is_member(session, row.organization_id, actor):
        raise Conflict("The account belongs to the organization already.")
    role = Role(row.role)
    service.add_member(session, row.organization_id, actor.account_id, role)
    session.delete(row)
    session.flush()
    return service.get_organization_by_id(session, row.organization_id), role


def forget_old(session: Session, now: datetime) -> None:
    """Remove invitations that have expired."""
    repository.delete_invitations_before(session, now)
