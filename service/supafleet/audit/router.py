"""The record of changes: an organization's for its owners, the rest for operators."""

from typing import Annotated

from fastapi import Path, Query
from sqlmodel import Session

from supafleet.audit import service
from supafleet.audit.schemas import AuditEntryResponse, AuditPage
from supafleet.db import SessionDep, row_id
from supafleet.deps import CurrentActor, needs
from supafleet.errors import responses
from supafleet.organizations import service as organizations
from supafleet.permissions import Permission
from supafleet.routing import Router

router = Router(prefix="/fleet", tags=["Audit"])

Limit = Annotated[int, Query(ge=1, le=500, description="Most changes to tell.")]
Before = Annotated[
    int | None, Query(ge=1, le=2**31 - 1, description="Only changes with a smaller id: `next` of a page.")
]


@router.get(
    "/organizations/{slug}/audit",
    operation_id="fleet-list-organization-audit",
    responses=responses(401, 403, 404, 422),
    dependencies=needs(Permission.AUDIT_READ),
)
def list_organization_changes(
    slug: Annotated[str, Path(description="Slug of the organization.")],
    actor: CurrentActor,
    session: SessionDep,
    limit: Limit = 100,
    before: Before = None,
) -> AuditPage:
    """Tell who asked for changes of the organization and its projects, the newest first."""
    return _page(session, row_id(organizations.get_organization(session, slug, actor)), before, limit)


@router.get(
    "/audit",
    operation_id="fleet-list-audit",
    responses=responses(401, 403, 422),
    dependencies=needs(Permission.FLEET_AUDIT_READ),
)
def list_changes(session: SessionDep, limit: Limit = 100, before: Before = None) -> AuditPage:
    """Tell the changes that belong to no organization: sign-ins, tokens, Docker hosts; the newest first."""
    return _page(session, None, before, limit)


def _page(session: Session, organization_id: int | None, before: int | None, limit: int) -> AuditPage:
    rows, next_before = service.list_entries(session, organization_id, before, limit)
    entries = [AuditEntryResponse.model_validate(row.model_dump()) for row in rows]
    return AuditPage(entries=entries, next=next_before)
