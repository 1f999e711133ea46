"""`/v1/organizations`."""

from fastapi import APIRouter, status

from supafleet.db import SessionDep
from supafleet.deps import CurrentActor, needs
from supafleet.errors import responses
from supafleet.organizations import service
from supafleet.organizations.models import Organization
from supafleet.organizations.schemas import OrganizationCreate, OrganizationResponse
from supafleet.permissions import Permission

router = APIRouter(prefix="/v1/organizations", tags=["Organizations"])


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


def _response(organization: Organization) -> OrganizationResponse:
    return OrganizationResponse(id=organization.slug, slug=organization.slug, name=organization.name)
