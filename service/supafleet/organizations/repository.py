"""Queries over organizations and memberships."""

from sqlmodel import Session, col, select

from supafleet.organizations.models import Membership, Organization


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
