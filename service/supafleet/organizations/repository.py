"""Queries over organizations, memberships and invitations."""

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from supafleet.accounts.models import Account
from supafleet.db import Statement, table_of
from supafleet.organizations.models import Invitation, Membership, Organization

_organization, _membership = table_of(Organization), table_of(Membership)
#: The account whose membership is asked for.
ASKING_ACCOUNT = sa.bindparam("account_id", type_=sa.Integer)


def join_membership(
    statement: Statement, organization_id: sa.ColumnElement[int], account_id: sa.ColumnElement[int], *, is_member: bool
) -> Statement:
    """The statement with the membership of an account in an organization.

    Args:
        is_member: whether rows without one are left out.
    """
    is_own = sa.and_(_membership.c.organization_id == organization_id, _membership.c.account_id == account_id)
    return statement.join(_membership, is_own, isouter=not is_member)


def with_place(statement: Statement, account_id: sa.ColumnElement[int]) -> Statement:
    """The statement with what makes a place: that of the account in the organization `:slug`."""
    widened = statement.add_columns(_organization.c.id, _membership.c.role)
    widened = widened.outerjoin(_organization, _organization.c.slug == sa.bindparam("slug"))
    return join_membership(widened, _organization.c.id, account_id, is_member=False)


def find_organization(session: Session, slug: str) -> Organization | None:
    """The organization, or None."""
    return session.exec(select(Organization).where(Organization.slug == slug)).first()


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
    """The invitation with this token, or None."""
    return session.exec(select(Invitation).where(Invitation.token_hash == token_hash)).first()


def lock_invitation(session: Session, token_hash: str) -> Invitation | None:
    """The invitation with this token, its row locked until the transaction ends, or None."""
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
