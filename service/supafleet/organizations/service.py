"""The rules of organizations."""

import secrets
import string
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from supafleet.accounts.service import Actor
from supafleet.audit import trail
from supafleet.db import Besides, row_id
from supafleet.errors import Forbidden, OrganizationNotFound, quote
from supafleet.organizations import repository
from supafleet.organizations.models import Membership, Organization, Place, Role

_SLUG_LENGTH = 20


def generate_slug() -> str:
    """Twenty random lowercase letters, the form of organization slugs and project refs."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(_SLUG_LENGTH))


def create_organization(session: Session, name: str, owner_account_id: int) -> Organization:
    """A new organization with its owner."""
    organization = Organization.model_validate({"slug": generate_slug(), "name": name})
    session.add(organization)
    session.flush()
    add_member(session, row_id(organization), owner_account_id, Role.OWNER)
    trail.note_organization(row_id(organization))
    trail.note_target(slug=organization.slug)
    return organization


def add_member(session: Session, organization_id: int, account_id: int, role: Role) -> None:
    """Let an account belong to an organization."""
    fields = {"organization_id": organization_id, "account_id": account_id, "role": role}
    session.add(Membership.model_validate(fields))
    session.flush()


def list_organizations(session: Session, actor: Actor) -> list[Organization]:
    """The account's organizations, oldest first."""
    return repository.list_organizations(session, actor.account_id)


def get_organization(session: Session, slug: str, actor: Actor) -> Organization:
    """The organization, for a member.

    Raises:
        OrganizationNotFound: no organization has this slug.
        Forbidden: the account does not belong to it.
    """
    organization = repository.find_organization(session, slug)
    if organization is None:
        raise OrganizationNotFound(slug)
    if not is_member(session, row_id(organization), actor):
        raise Forbidden(f"The account {quote(actor.username)} does not belong to the organization {quote(slug)}.")
    return organization


def get_organization_by_id(session: Session, organization_id: int) -> Organization:
    """The organization a row refers to."""
    organization = session.get(Organization, organization_id)
    if organization is None:
        raise OrganizationNotFound(str(organization_id))
    return organization


def place_besides(slug: str) -> Besides:
    """What tells where an account stands with the organization, for the statement that finds the account."""
    return Besides(repository.with_place, {"slug": slug})


def place_of(slug: str, told: Sequence[Any]) -> Place:
    """Where the account stands with the organization, as `place_besides` told it.

    Raises:
        OrganizationNotFound: no organization has this slug.
    """
    place = Place.of(told)
    if place is None:
        raise OrganizationNotFound(slug)
    return place


def lock_organization(session: Session, organization_id: int) -> None:
    """Let others who change who belongs to the organization wait until the transaction ends."""
    repository.lock_organization(session, organization_id)


def role_of(session: Session, organization_id: int, actor: Actor) -> Role | None:
    """The account's role in the organization, None when it does not belong to it."""
    membership = repository.find_membership(session, organization_id, actor.account_id)
    return None if membership is None else Role(membership.role)


def is_member(session: Session, organization_id: int, actor: Actor) -> bool:
    """Whether the account belongs to the organization."""
    return repository.find_membership(session, organization_id, actor.account_id) is not None
