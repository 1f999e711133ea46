"""Queries over organizations, memberships and invitations."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from supafleet.accounts.models import Account
from supafleet.db import Reader, table_of
from supafleet.organizations.models import Invitation, Membership, Organization, Place, Role

_organization, _membership = table_of(Organization), table_of(Membership)


def join_own_membership(
    statement: sa.Select[*tuple[Any, ...]], organization_id: sa.ColumnElement[int], *, is_member: bool
) -> sa.Select[*tuple[Any, ...]]:
    """The statement with the membership of the account `:account_id` in an organization.

    Args:
        is_member: whether rows without one are left out.
    """
    is_own = sa.and_(
        _membership.c.organization_id == organization_id, _membership.c.account_id == sa.bindparam("account_id")
    )
    return statement.join(_membership, is_own, isouter=not is_member)


# Every request about an organization asks for it: built once.
_PLACE = join_own_membership(
    sa.select(_organization.c.id, _membership.c.role), _organization.c.id, is_member=False
).where(_organization.c.slug == sa.bindparam("slug"))


def find_organization(session: Session, slug: str) -> Organization | None:
    """The organization, or None."""
    return session.exec(select(Organization).where(Organization.slug == slug)).first()


def as_place(row: Any) -> Place | None:
    """A row of an organization's id and a membership's role, or None."""
    return None if row is None else Place(row[0], None if row[1] is None else Role(row[1]))


def find_place(reader: Reader, slug: str, account_id: int) -> Place | None:
    """Where the account stands with the organization, None when there is no such organization."""
    return as_place(reader.execute(_PLACE, {"slug": slug, "account_id": account_id}).first())


def list_organizations(session: Session, account_id: int) -> list[Organization]:
    """Organizations the account belongs to, oldest first."""
    statement = (
        select(Organization)
        .join(Membership, col(Membership.organization_id) == Organization.id)
        .where(Membership.account_id == account_id)
        .order_by(col(Organization.id))
    )
    return list(session.exec(statement))


def find_membership(session: Session, organization_id: int, account_id: int) -> Membership | None:
    """The account's place in the organization, or None."""
    statement = select(Membership).where(
        Membership.organization_id == organization_id, Membership.account_id == account_id
    )
    return session.exec(statement).first()


def lock_organization(session: Session, organization_id: int) -> None:
    """Let nobody else change who belongs to it until the transaction ends (SQLite locks the whole file anyway)."""
    session.exec(select(Organization.id).where(Organization.id == organization_id).with_for_update()).one()


def list_members(session: Session, organization_id: int) -> list[tuple[Membership, Account]]:
    """Who belongs to the organization, in the order of joining."""
    statement = (
        select(Membership, Account)
        .join(Account, col(Account.id) == Membership.account_id)
        .where(Membership.organization_id == organization_id)
        .order_by(col(Membership.id))
    )
    return [(membership, account) for membership, account in session.exec(statement)]


def find_invitation(session: Session, token_hash: str) -> Invitation | None:
    """The invitation with this token, its row locked, or None."""
    return session.exec(select(Invitation).where(Invitation.token_hash == token_hash).with_for_update()).first()


def list_invitations(session: Session, organization_id: int) -> list[Invitation]:
    """The organization's invitations, oldest first."""
    statement = select(Invitation).where(Invitation.organization_id == organization_id).order_by(col(Invitation.id))
    return list(session.exec(statement))


def delete_invitations(session: Session, organization_id: int, emails: Iterable[str]) -> list[str]:
    """Take invitations back; the mail addresses of those that were there."""
    statement = (
        sa.delete(Invitation)
        .where(col(Invitation.organization_id) == organization_id, col(Invitation.email).in_(list(emails)))
        .returning(col(Invitation.email))
    )
    return [row[0] for row in session.execute(statement)]


def delete_invitations_by(session: Session, organization_id: int, account_id: int) -> None:
    """Take back what an account invited to."""
    session.execute(
        sa.delete(Invitation).where(
            col(Invitation.organization_id) == organization_id, col(Invitation.invited_by) == account_id
        )
    )


def delete_invitations_before(session: Session, moment: datetime) -> None:
    """Remove invitations that expired before."""
    session.execute(sa.delete(Invitation).where(col(Invitation.expires_at) < moment))
