"""`/v1/projects`."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query, status

from supafleet.db import EngineDep, SessionDep, row_id, utc_now
from supafleet.deps import (
    CurrentActor,
    CurrentOutline,
    CurrentOutlines,
    JobsDep,
    ProjectRef,
    RequiresInBody,
    RequiresProject,
    RequiresProjects,
    SettingsDep,
    needs,
)
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.projects import catalogue, creation, health, lifecycle, outlines, service
from supafleet.projects.models import Outline
from supafleet.projects.schemas import (
    ProjectCreate,
    ProjectCreated,
    ProjectDeleted,
    ProjectResponse,
    ServiceHealth,
)
from supafleet.routing import Router
from supafleet.settings import Settings
from supafleet.waiting import waits

router = Router(prefix="/v1/projects", tags=["Projects"])


@router.get(
    "",
    operation_id="v1-list-all-projects",
    response_model=list[ProjectResponse],
    responses=responses(401),
    dependencies=[Depends(RequiresProjects(Permission.PROJECTS_READ))],
)
async def list_projects(found: CurrentOutlines, settings: SettingsDep) -> list[dict[str, Any]]:
    """List the projects of the account's organizations."""
    now = utc_now()
    return [_response(outline, settings, now) for outline in found]


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
    outline = Outline(
        ref=project.ref,
        name=project.name,
        region=project.region,
        release=project.release,
        created_at=project.created_at,
        status=project.status,
        observed_at=project.observed_at,
        organization_slug=organization.slug,
    )
    return ProjectCreated.model_validate(_created(outline, settings, utc_now()))


@router.get(
    "/{ref}",
    operation_id="v1-get-project",
    response_model=ProjectResponse,
    responses=responses(401, 403, 404),
    dependencies=[Depends(RequiresProject(Permission.PROJECT_ADMIN_READ))],
)
async def get_project(outline: CurrentOutline, settings: SettingsDep) -> dict[str, Any]:
    """Tell what a project is and how it is."""
    return _response(outline, settings, utc_now())


@router.delete(
    "/{ref}",
    operation_id="v1-delete-a-project",
    responses=responses(401, 403, 404, 409),
    dependencies=needs(Permission.PROJECT_ADMIN_WRITE),
)
def delete_project(ref: ProjectRef, actor: CurrentActor, session: SessionDep, jobs: JobsDep) -> ProjectDeleted:
    """Begin to remove a project with all its data; asked again while it goes, nothing changes."""
    project = lifecycle.delete_project(session, jobs, ref, actor)
    return ProjectDeleted(id=row_id(project), ref=project.ref, name=project.name)


@router.get(
    "/{ref}/health",
    operation_id="v1-get-services-health",
    responses=responses(401, 403, 404, 422),
    response_model_exclude_none=True,
    dependencies=needs(Permission.PROJECT_ADMIN_READ),
)
@waits
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


def _created(outline: Outline, settings: Settings, now: datetime) -> dict[str, Any]:
    """The values of a `ProjectCreated`."""
    return {
        "id": outline.ref,
        "ref": outline.ref,
        "organization_id": outline.organization_slug,
        "organization_slug": outline.organization_slug,
        "name": outline.name,
        "region": outline.region,
        "created_at": outline.created_at,
        "status": outlines.outlined_status(outline, settings, now),
    }


def _response(outline: Outline, settings: Settings, now: datetime) -> dict[str, Any]:
    """The values of a `ProjectResponse`: the framework checks a whole list of them in less time than we make one."""
    fields = _created(outline, settings, now)
    fields["database"] = {
        "host": service.database_host(outline.ref, settings),
        "version": catalogue.postgres_version(outline.release),
        "postgres_engine": catalogue.postgres_engine(outline.release),
        "release_channel": "ga",
    }
    return fields
