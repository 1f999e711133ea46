"""What Studio asks about that does not exist here: each route answers with as much as there is, which is nothing."""

from typing import Annotated, Any

from fastapi import Path

from supafleet.deps import ProjectRef, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.routing import Router
from supafleet.studio import schemas
from supafleet.studio.router import Slug

router = Router(tags=["Studio"])

Integration = Annotated[str, Path(description="Name of an integration.")]
_OF_PROJECT = responses(401, 403, 404)
_READING = needs(Permission.PROJECT_ADMIN_READ)


@router.get(
    "/organizations/{slug}/members/reached-free-project-limit",
    operation_id="studio-list-members-at-limit",
    responses=responses(401, 403, 404),
    dependencies=needs(Permission.MEMBERS_READ),
)
def list_members_at_limit(slug: Slug) -> list[Any]:  # noqa: ARG001 - the gate asks for it
    """List members who may have no more projects: nobody, since there is no such limit."""
    return []


@router.get(
    "/platform/notifications",
    operation_id="studio-list-notifications",
    responses=responses(401),
    dependencies=needs(Permission.PROFILE_READ),
)
def list_notifications() -> list[Any]:
    """List notifications: none is ever sent."""
    return []


@router.get(
    "/platform/notifications/summary",
    operation_id="studio-count-notifications",
    responses=responses(401),
    dependencies=needs(Permission.PROFILE_READ),
)
def count_notifications() -> schemas.NotificationSummary:
    """Count notifications: none is ever sent."""
    return schemas.NotificationSummary()


@router.get(
    "/platform/stripe/invoices/overdue",
    operation_id="studio-list-overdue-invoices",
    responses=responses(401),
    dependencies=needs(Permission.ORGANIZATIONS_READ),
)
def list_overdue_invoices() -> list[Any]:
    """List invoices that were not paid: there are no invoices."""
    return []


@router.get(
    "/platform/projects-resource-warnings",
    operation_id="studio-list-resource-warnings",
    responses=responses(401),
    dependencies=needs(Permission.PROJECTS_READ),
)
def list_resource_warnings() -> list[Any]:
    """List projects that come near a limit of their plan: plans have no limits."""
    return []


@router.get(
    "/platform/integrations/{integration}/connections",
    operation_id="studio-list-integration-connections",
    responses=responses(401),
    dependencies=needs(Permission.ORGANIZATIONS_READ),
)
def list_connections(integration: Integration) -> schemas.Connections:  # noqa: ARG001 - part of the path
    """List the connections of an integration: there are no integrations."""
    return schemas.Connections()


@router.get(
    "/platform/integrations/{integration}/authorization",
    operation_id="studio-get-integration-authorization",
    responses=responses(401),
    dependencies=needs(Permission.ORGANIZATIONS_READ),
)
def get_authorization(integration: Integration) -> schemas.Authorization:  # noqa: ARG001 - part of the path
    """Tell whether an integration may act for the account: there are no integrations."""
    return schemas.Authorization()


@router.get(
    "/platform/integrations/{integration}/repositories",
    operation_id="studio-list-integration-repositories",
    responses=responses(401),
    dependencies=needs(Permission.ORGANIZATIONS_READ),
)
def list_repositories(integration: Integration) -> schemas.Repositories:  # noqa: ARG001 - part of the path
    """List the repositories that an integration reaches: there are no integrations."""
    return schemas.Repositories()


@router.get(
    "/integrations/{integration}",
    operation_id="studio-list-integrations",
    responses=responses(401),
    dependencies=needs(Permission.ORGANIZATIONS_READ),
)
def list_integrations(integration: Integration) -> list[Any]:  # noqa: ARG001 - part of the path
    """List what is set up of an integration: there are no integrations."""
    return []


@router.get("/project/{ref}/supervisor", dependencies=_READING, include_in_schema=False)
@router.get(
    "/projects/{ref}/supervisor", operation_id="studio-get-supervisor", responses=_OF_PROJECT, dependencies=_READING
)
def get_supervisor(ref: ProjectRef) -> schemas.SupervisorAnswer:  # noqa: ARG001 - the gate asks for it
    """Tell how the supervisor of a project's machine is: containers have none."""
    return schemas.SupervisorAnswer()


@router.get(
    "/platform/projects/{ref}/analytics/endpoints/usage.{name}",
    dependencies=needs(Permission.ANALYTICS_USAGE_READ),
    include_in_schema=False,
)
@router.get(
    "/projects/{ref}/analytics/endpoints/usage.{name}",
    operation_id="studio-get-project-usage",
    responses=_OF_PROJECT,
    dependencies=needs(Permission.ANALYTICS_USAGE_READ),
)
def get_usage(
    ref: ProjectRef,  # noqa: ARG001 - the gate asks for it
    name: Annotated[str, Path(description="What Studio would count, such as api-counts.")],  # noqa: ARG001
) -> schemas.Counts:
    """Tell how often a project's API was asked: nothing counts it."""
    return schemas.Counts()
