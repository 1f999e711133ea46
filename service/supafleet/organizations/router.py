"""`/v1/organizations`."""

from typing import Annotated

from fastapi import Path, status

from supafleet.db import SessionDep, row_id
from supafleet.deps import CurrentActor, needs
from supafleet.errors import responses
from supafleet.organizations import members, service
from supafleet.organizations.models import Organization, Role
from supafleet.organizations.schemas import (
    MemberResponse,
    OrganizationCreate,
    OrganizationDetail,
    OrganizationResponse,
)
from supafleet.permissions import Permission
from supafleet.routing import Router

router = Router(prefix="/v1/organizations", tags=["Organizations"])

Slug = Annotated[str, Path(description="Slug of the organization.")]
_ROLE_NAMES = {
    Role.OWNER: "Owner",
    Role.ADMINISTRATOR: "Administrator",
    Role.DEVELOPER: "Developer",
    Role.READ_ONLY: "Read-only",
}


@router.get(
    "",
    operation_id="v1-list-all-organizations",
    responses=responses(401),
    dependencies=needs(Permission.ORGANIZATIONS_READ),
)
def list_organizations(session: SessionDep, actor: CurrentActor) -> list[OrganizationResponse]:
    """List the organizations the account belongs to."""
    return [_response(organization) for organization in service.list_organizations(session, actor)]


@router.post(
    "",
    operation_id="v1-create-an-organization",
    status_code=status.HTTP_201_CREATED,
    responses=responses(401, 422),
    dependencies=needs(Permission.ORGANIZATIONS_CREATE),
)
def create_organization(body: OrganizationCreate, actor: CurrentActor, session: SessionDep) -> OrganizationResponse:
    """Create an organization; the account becomes its owner."""
    return _response(service.create_organization(session, body.name, actor.account_id))


@router.get(
    "/{slug}",
    operation_id="v1-get-an-organization",
    responses=responses(401, 403, 404),
    dependencies=needs(Permission.ORGANIZATION_ADMIN_READ),
)
def get_organization(slug: Slug, actor: CurrentActor, session: SessionDep) -> OrganizationDetail:
    """Tell what an organization is."""
    organization = service.get_organization(session, slug, actor)
    return OrganizationDetail(id=organization.slug, name=organization.name)


@router.get(
    "/{slug}/members",
    operation_id="v1-list-organization-members",
    responses=responses(401, 403, 404),
    dependencies=needs(Permission.MEMBERS_READ),
)
def list_members(slug: Slug, actor: CurrentActor, session: SessionDep) -> list[MemberResponse]:
    """List who belongs to an organization."""
    organization = service.get_organization(session, slug, actor)
    return [
        MemberResponse(
            user_id=member.gotrue_id, user_name=member.username, email=member.email, role_name=_ROLE_NAMES[member.role]
        )
        for member in members.list_members(session, row_id(organization))
    ]


def _response(organization: Organization) -> OrganizationResponse:
    return OrganizationResponse(id=organization.slug, slug=organization.slug, name=organization.name)
