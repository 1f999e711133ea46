"""`/v1/projects`."""

from typing import Annotated

from fastapi import Depends, Query, status

from supafleet.db import EngineDep, SessionDep, row_id, utc_now
from supafleet.deps import CurrentActor, JobsDep, ProjectRef, RequiresInBody, SettingsDep, needs
from supafleet.errors import responses
from supafleet.hosts import service as hosts
from supafleet.permissions import Permission
from supafleet.projects import catalogue, creation, health, service
from supafleet.projects.models import Placed
from supafleet.projects.schemas import (
    DatabaseInfo,
    ProjectCreate,
    ProjectCreated,
    ProjectDeleted,
    ProjectResponse,
    ServiceHealth,
)
from supafleet.routing import Router
from supafleet.settings import Settings

router = Router(prefix="/v1/projects", tags=["Projects"])


@router.get(
    "",
    operation_id="v1-list-all-projects",
    responses=responses(401),
    dependencies=needs(Permission.PROJECTS_READ),
)
def list_projects(session: SessionDep, actor: CurrentActor, settings: SettingsDep) -> list[ProjectResponse]:
    """List the projects of the account's organizations."""
    return [_response(placed, settings) for placed in service.list_placed_projects(session, actor)]


@router.post(
    "",
    operation_id="v1-create-a-project",
    status_code=status.HTTP_201_CREATED,
    responses=responses(401, 403, 404, 409, 422),
    dependencies=[Depends(RequiresInBody(Permission.ORGANIZATION_PROJECTS_CREATE))],
)
def create_project(
    body: ProjectCreate, actor: CurrentActor, session: SessionDep, jobs: JobsDep, settings: SettingsDep
) -> ProjectCreated:
    """Create a project and begin to bring it up."""
    project, organization = creation.create_project(session, jobs, body, actor, settings)
    placed = Placed(project, organization, hosts.get_host(session, project.host_id))
    return ProjectCreated.model_validate(_common(placed, settings))


@router.get(
    "/{ref}",
    operation_id="v1-get-project",
    responses=responses(401, 403, 404),
    dependencies=needs(Permission.PROJECT_ADMIN_READ),
)
def get_project(ref: ProjectRef, session: SessionDep, actor: CurrentActor, settings: SettingsDep) -> ProjectResponse:
    """Tell what a project is and how it is."""
    return _response(service.get_placed_project(session, ref, actor), settings)


@router.delete(
    "/{ref}",
    operation_id="v1-delete-a-project",
    responses=responses(401, 403, 404, 409),
    dependencies=needs(Permission.PROJECT_ADMIN_WRITE),
)
def delete_project(ref: ProjectRef, actor: CurrentActor, session: SessionDep, jobs: JobsDep) -> ProjectDeleted:
    """Begin to remove a project with all its data; asked again while it goes, nothing changes."""
    project = service.delete_project(session, jobs, ref, actor)
    return ProjectDeleted(id=row_id(project), ref=project.ref, name=project.name)


@router.get(
    "/{ref}/health",
    operation_id="v1-get-services-health",
    responses=responses(401, 403, 404, 422),
    response_model_exclude_none=True,
    dependencies=needs(Permission.PROJECT_ADMIN_READ),
)
def get_health(
    ref: ProjectRef,
    engine: EngineDep,
    jobs: JobsDep,
    actor: CurrentActor,
    settings: SettingsDep,
    services: Annotated[list[str], Query(description="Names, repeated or joined by commas.")],
    timeout_ms: Annotated[
        int, Query(ge=0, le=health.LONGEST_TIMEOUT_MS, description="Longest time to wait for a look at the project.")
    ] = health.LONGEST_TIMEOUT_MS,
) -> list[ServiceHealth]:
    """Look at the project's services on their Docker host and tell which work."""
    return health.check_health(engine, jobs, ref, health.parse_names(services), timeout_ms, actor, settings)


def _common(placed: Placed, settings: Settings) -> dict[str, object]:
    project, organization = placed.project, placed.organization
    return {
        "id": project.ref,
        "ref": project.ref,
        "organization_id": organization.slug,
        "organization_slug": organization.slug,
        "name": project.name,
        "region": project.region,
        "created_at": project.created_at,
        "status": service.served_status(project, placed.host, settings, utc_now()).status,
    }


def _response(placed: Placed, settings: Settings) -> ProjectResponse:
    project = placed.project
    database = DatabaseInfo(
        host=service.database_host(project, settings),
        version=catalogue.postgres_version(project.release),
        postgres_engine=catalogue.postgres_engine(project.release),
        release_channel="ga",
    )
    return ProjectResponse.model_validate({**_common(placed, settings), "database": database})
