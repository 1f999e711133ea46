"""`/v2/projects/{ref}/config`."""

from typing import Any

from supafleet.db import EngineDep, reading
from supafleet.deps import CurrentActor, ProjectRef, SettingsDep, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.project_config import document
from supafleet.project_config.document_schemas import ConfigDocument
from supafleet.project_config.service import read_settings
from supafleet.projects import catalogue, service
from supafleet.routing import Router

router = Router(prefix="/v2/projects/{ref}", tags=["Configuration"])


@router.get(
    "/config",
    operation_id="v2-get-project-config",
    response_model=ConfigDocument,
    responses=responses(401, 403, 404),
    dependencies=needs(
        Permission.DATABASE_CONFIG_READ,
        Permission.DATABASE_READ,
        Permission.DATABASE_SSL_CONFIG_READ,
        Permission.DATABASE_NETWORK_RESTRICTIONS_READ,
        Permission.AUTH_CONFIG_READ,
        Permission.DATA_API_CONFIG_READ,
        Permission.REALTIME_CONFIG_READ,
        Permission.STORAGE_CONFIG_READ,
    ),
)
def get_config(ref: ProjectRef, engine: EngineDep, actor: CurrentActor, settings: SettingsDep) -> dict[str, Any]:
    """Tell how all services of a project are set up."""
    with reading(engine) as session:
        release = service.get_project(session, ref, actor).release
    known = read_settings(engine, ref, actor, settings)
    return document.describe(known, ref, catalogue.postgres_engine(release))
