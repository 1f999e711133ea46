"""`/v1/organizations/{slug}/entitlements`."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Path
from pydantic import BaseModel, Field

from supafleet.deps import needs
from supafleet.errors import responses
from supafleet.official import entitlements
from supafleet.permissions import Permission
from supafleet.routing import Router


async def _named(slug: Annotated[str, Path(description="Slug of the organization.")]) -> str:
    """The organization that a route is about; that it exists is a matter of the permission."""
    return slug


router = Router(prefix="/v1/organizations", tags=["Organizations"], dependencies=[Depends(_named)])


class Feature(BaseModel):
    """What is allowed."""

    key: str
    type: Literal["boolean", "numeric", "set"]


class Entitlement(BaseModel):
    """That something is allowed, and how much of it."""

    feature: Feature
    hasAccess: bool = Field(description="Always true: no plan withholds anything.")  # noqa: N815 - official spelling
    type: Literal["boolean", "numeric", "set"]
    config: dict[str, Any]


class Entitlements(BaseModel):
    """All that an organization may use."""

    entitlements: list[Entitlement]


@router.get(
    "/{slug}/entitlements",
    operation_id="v1-get-organization-entitlements",
    responses=responses(401, 403, 404),
    dependencies=needs(Permission.ORGANIZATION_ADMIN_READ),
)
def list_entitlements() -> Entitlements:
    """List what an organization may use: everything. What is not built answers 501 all the same."""
    return Entitlements.model_validate({"entitlements": entitlements.all_allowed()})
