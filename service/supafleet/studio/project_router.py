"""What Studio asks about projects.

Studio writes several of these paths in more than one way; the document shows one of them.
"""

from fastapi import Depends, status

from supafleet.db import EngineDep, SessionDep
from supafleet.deps import CurrentActor, JobsDep, ProjectRef, RequiresInBody, SettingsDep, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.projects import health, offers
from supafleet.projects import service as projects
from supafleet.projects.offers import Addons, UpgradeStatus
from supafleet.projects.schemas import ServiceHealth
from supafleet.routing import Router
from supafleet.studio import creation, schemas, service
from supafleet.waiting import waits

router = Router(tags=["Studio"])

_REFUSALS = responses(401, 403, 404)
_READING = needs(Permission.PROJECT_ADMIN_READ)
_READING_ADDONS = needs(Permission.INFRA_ADD_ONS_READ)
_READING_KEYS = needs(Permission.PROJECT_ADMIN_READ, Permission.API_GATEWAY_KEYS_READ)


@router.get(
    "/platform/projects",
    operation_id="studio-list-projects",
    responses=responses(401),
    dependencies=needs(Permission.PROJECTS_READ),
)
def list_projects(session: SessionDep, actor: CurrentActor, settings: SettingsDep) -> list[schemas.Project]:
    """List the projects of the account's organizations."""
    return service.list_projects(session, actor, settings)


@router.post(
    "/platform/projects",
    operation_id="studio-create-project",
    status_code=status.HTTP_201_CREATED,
    responses=responses(401, 403, 409, 422),
    dependencies=[Depends(RequiresInBody(Permission.ORGANIZATION_PROJECTS_CREATE))],
)
def create_project(
    body: schemas.ProjectCreate, actor: CurrentActor, session: SessionDep, jobs: JobsDep, settings: SettingsDep
) -> schemas.ProjectCreated:
    """Create a project and begin to bring it up."""
    return creation.create_project(session, jobs, body, actor, settings)


@router.get("/platform/project/{ref}", dependencies=_READING, include_in_schema=False)
@router.get("/platform/projects/{ref}", operation_id="studio-get-project", responses=_REFUSALS, dependencies=_READING)
def get_project(ref: ProjectRef, session: SessionDep, actor: CurrentActor, settings: SettingsDep) -> schemas.Project:
    """Tell what a project is and how it is."""
    return service.get_project(session, ref, actor, settings)


@router.get("/platform/project/{ref}/settings", dependencies=_READING_KEYS, include_in_schema=False)
@router.get(
    "/platform/projects/{ref}/settings",
    operation_id="studio-get-project-settings",
    responses=_REFUSALS,
    dependencies=_READING_KEYS,
)
def get_settings(
    ref: ProjectRef, session: SessionDep, actor: CurrentActor, settings: SettingsDep
) -> schemas.ProjectSettings:
    """Tell what a project is, where its API answers and what opens it."""
    return service.get_settings(session, ref, actor, settings)


@router.get("/project/{ref}/status", dependencies=_READING, include_in_schema=False)
@router.get(
    "/projects/{ref}/status", operation_id="studio-get-project-status", responses=_REFUSALS, dependencies=_READING
)
def get_status(
    ref: ProjectRef, session: SessionDep, actor: CurrentActor, settings: SettingsDep
) -> schemas.ProjectStatus:
    """Tell how a project is."""
    return schemas.ProjectStatus(status=service.get_status(session, ref, actor, settings))


@router.get("/props/project/{ref}/jwt-secret-update-status", dependencies=_READING, include_in_schema=False)
@router.get("/project/{ref}/jwt-secret-update-status", dependencies=_READING, include_in_schema=False)
@router.get(
    "/projects/{ref}/jwt-secret-update-status",
    operation_id="studio-get-jwt-secret-update",
    responses=_REFUSALS,
    dependencies=_READING,
)
def get_jwt_secret_update(ref: ProjectRef) -> schemas.JwtSecretUpdate:  # noqa: ARG001 - the gate asks for it
    """Tell how the change of the JWT secret goes: there is none, since a project keeps its secret."""
    return schemas.JwtSecretUpdate()


@router.get("/props/project/{ref}/api", dependencies=_READING_KEYS, include_in_schema=False)
@router.get("/project/{ref}/api", dependencies=_READING_KEYS, include_in_schema=False)
@router.get(
    "/projects/{ref}/api",
    operation_id="studio-get-project-api",
    responses=_REFUSALS,
    dependencies=_READING_KEYS,
)
def get_api(ref: ProjectRef, session: SessionDep, actor: CurrentActor, settings: SettingsDep) -> schemas.ProjectApi:
    """Tell where a project's API answers, and its keys."""
    return service.get_api(session, ref, actor, settings)


@router.get("/project/{ref}/health", response_model_exclude_none=True, dependencies=_READING, include_in_schema=False)
@router.get(
    "/projects/{ref}/health",
    operation_id="studio-get-services-health",
    responses=responses(401, 403, 404, 429),
    response_model_exclude_none=True,
    dependencies=_READING,
)
@waits
def get_health(
    ref: ProjectRef, engine: EngineDep, jobs: JobsDep, actor: CurrentActor, settings: SettingsDep
) -> list[ServiceHealth]:
    """Look at all services that have a health and tell which work."""
    return health.check_health(engine, jobs, ref, health.NAMES, health.LONGEST_TIMEOUT_MS, actor, settings)


@router.get(
    "/projects/{ref}/upgrade/status",
    operation_id="studio-get-upgrade-status",
    responses=_REFUSALS,
    dependencies=needs(Permission.PROJECT_ADMIN_READ, Permission.DATABASE_READ),
)
def get_upgrade_status(ref: ProjectRef) -> UpgradeStatus:  # noqa: ARG001 - the gate asks for it
    """Tell how the upgrade of Postgres goes: none is underway."""
    return offers.no_upgrade()


@router.get("/platform/project/{ref}/billing/addons", dependencies=_READING_ADDONS, include_in_schema=False)
@router.get(
    "/platform/projects/{ref}/billing/addons",
    operation_id="studio-list-project-addons",
    responses=_REFUSALS,
    dependencies=_READING_ADDONS,
)
def list_addons(ref: ProjectRef, session: SessionDep, actor: CurrentActor) -> Addons:
    """Tell a project's size as the addon it would be; there is nothing to buy."""
    return offers.addons(projects.get_project(session, ref, actor))
