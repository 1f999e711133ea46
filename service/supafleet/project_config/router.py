"""The configuration of a project's services: Auth, the Data API, Storage, Realtime and Postgres."""

from typing import Annotated, Any, Literal

from fastapi import Depends, Response, status
from pydantic import BaseModel, Field

from supafleet.answers import empty
from supafleet.db import EngineDep
from supafleet.deps import CurrentActor, ProjectRef, SettingsDep, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.project_config import auth, data_api, postgres, realtime, storage
from supafleet.project_config.auth import AuthConfig, AuthConfigPatch
from supafleet.project_config.data_api import DataApiConfig, DataApiPatch
from supafleet.project_config.postgres import PostgresConfig, PostgresConfigBody
from supafleet.project_config.realtime import RealtimeConfig, RealtimeConfigPatch
from supafleet.project_config.service import change_settings, read_settings
from supafleet.project_config.storage import StorageConfig, StorageConfigPatch
from supafleet.projects.changing import ChangerDep, ProjectChanger
from supafleet.routing import Router
from supafleet.stack.settings import ProjectSettings

router = Router(prefix="/v1/projects/{ref}", tags=["Configuration"])

_READ = responses(401, 403, 404)
_CHANGE = responses(401, 403, 404, 409, 413, 422, 502)


def get_stored(ref: ProjectRef, engine: EngineDep, actor: CurrentActor, settings: SettingsDep) -> ProjectSettings:
    """The settings of the project in the path."""
    return read_settings(engine, ref, actor, settings)


StoredDep = Annotated[ProjectSettings, Depends(get_stored)]


class Pooler(BaseModel):
    """A connection pooler."""

    identifier: str
    database_type: Literal["PRIMARY"]
    is_using_scram_auth: bool
    db_user: str
    db_host: str
    db_port: int
    db_name: str
    connection_string: str
    connectionString: str = Field(description="The same.")  # noqa: N815 - official spelling
    default_pool_size: int | None
    max_client_conn: int | None
    pool_mode: Literal["transaction", "session"]


@router.get(
    "/config/auth",
    operation_id="v1-get-auth-service-config",
    response_model=AuthConfig,
    responses=_READ,
    dependencies=needs(Permission.AUTH_CONFIG_READ),
)
def get_auth(ref: ProjectRef, stored: StoredDep) -> dict[str, Any]:
    """Tell how Auth is set up; secrets are told as a hash."""
    return auth.read(stored, ref)


@router.patch(
    "/config/auth",
    operation_id="v1-update-auth-service-config",
    response_model=AuthConfig,
    responses=_CHANGE,
    dependencies=needs(Permission.AUTH_CONFIG_WRITE, Permission.PROJECT_ADMIN_WRITE),
)
def change_auth(changer: ChangerDep, body: AuthConfigPatch) -> dict[str, Any]:
    """Change how Auth is set up; null takes a field back to its default. The answer comes when it is applied."""
    patch = body.model_dump(exclude_unset=True)
    after = change_settings(changer, lambda known: auth.change(known, patch), places=auth.PLACES)
    return auth.read(after, changer.ref)


@router.get(
    "/postgrest",
    operation_id="v1-get-postgrest-service-config",
    responses=_READ,
    dependencies=needs(Permission.DATA_API_CONFIG_READ),
)
def get_data_api(ref: ProjectRef, stored: StoredDep) -> DataApiConfig:
    """Tell how the Data API is set up."""
    return data_api.read(stored, ref)


@router.patch(
    "/postgrest",
    operation_id="v1-update-postgrest-service-config",
    responses=_CHANGE,
    dependencies=needs(Permission.DATA_API_CONFIG_WRITE),
)
def change_data_api(changer: ChangerDep, body: DataApiPatch) -> DataApiConfig:
    """Change how the Data API is set up. The answer comes when it is applied."""
    patch = body.model_dump(exclude_unset=True)
    after = change_settings(changer, lambda known: data_api.change(known, patch), places=data_api.PLACES)
    return data_api.read(after, changer.ref)


@router.get(
    "/config/storage",
    operation_id="v1-get-storage-config",
    responses=_READ,
    dependencies=needs(Permission.STORAGE_CONFIG_READ),
)
def get_storage(ref: ProjectRef, stored: StoredDep) -> StorageConfig:
    """Tell how Storage is set up."""
    return storage.read(stored, ref)


@router.patch(
    "/config/storage",
    operation_id="v1-update-storage-config",
    response_class=Response,
    responses=_CHANGE,
    dependencies=needs(Permission.STORAGE_CONFIG_WRITE),
)
def change_storage(changer: ChangerDep, body: StorageConfigPatch) -> Response:
    """Change how Storage is set up. The answer comes when it is applied."""
    patch = body.model_dump(exclude_unset=True)
    change_settings(changer, lambda known: storage.change(known, patch), places=storage.PLACES)
    return empty()


@router.get(
    "/config/realtime",
    operation_id="v1-get-realtime-config",
    response_model=RealtimeConfig,
    responses=_READ,
    dependencies=needs(Permission.REALTIME_CONFIG_READ),
)
def get_realtime(ref: ProjectRef, stored: StoredDep) -> dict[str, Any]:
    """Tell how Realtime is set up."""
    return realtime.read(stored, ref)


@router.patch(
    "/config/realtime",
    operation_id="v1-update-realtime-config",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=_CHANGE,
    dependencies=needs(Permission.REALTIME_CONFIG_WRITE),
)
def change_realtime(changer: ChangerDep, body: RealtimeConfigPatch) -> Response:
    """Change the limits of Realtime. The answer comes when it is applied."""
    patch = body.model_dump(exclude_unset=True)
    change_settings(changer, lambda known: realtime.change(known, patch))
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.get(
    "/config/database/postgres",
    operation_id="v1-get-postgres-config",
    response_model=PostgresConfig,
    response_model_exclude_unset=True,
    responses=_READ,
    dependencies=needs(Permission.DATABASE_CONFIG_READ),
)
def get_postgres(stored: StoredDep) -> dict[str, Any]:
    """Tell the settings of Postgres that were chosen; all others have their defaults."""
    return dict(postgres.read(stored))


@router.put(
    "/config/database/postgres",
    operation_id="v1-update-postgres-config",
    response_model=PostgresConfig,
    response_model_exclude_unset=True,
    responses=_CHANGE,
    dependencies=needs(Permission.DATABASE_CONFIG_WRITE),
)
def put_postgres(changer: ChangerDep, body: PostgresConfigBody) -> dict[str, Any]:
    """Set the settings of Postgres; those not named go back to their defaults. The database is started anew."""
    return _set_postgres(changer, body, replace=True)


@router.patch(
    "/config/database/postgres",
    operation_id="v1-patch-postgres-config",
    response_model=PostgresConfig,
    response_model_exclude_unset=True,
    responses=_CHANGE,
    dependencies=needs(Permission.DATABASE_CONFIG_WRITE),
)
def patch_postgres(changer: ChangerDep, body: PostgresConfigBody) -> dict[str, Any]:
    """Set some settings of Postgres; those not named stay. The database is started anew."""
    return _set_postgres(changer, body, replace=False)


@router.get(
    "/config/database/pooler",
    operation_id="v1-get-pooler-config",
    responses=_READ,
    dependencies=needs(Permission.DATABASE_POOLING_CONFIG_READ),
)
def list_poolers(ref: ProjectRef) -> list[Pooler]:  # noqa: ARG001 - its permission is asked for by the path
    """List the project's connection poolers: no release of this version has one."""
    return []


def _set_postgres(changer: ProjectChanger, body: PostgresConfigBody, *, replace: bool) -> dict[str, Any]:
    wished = body.model_dump(by_alias=True, exclude_unset=True)
    after = change_settings(changer, lambda known: postgres.change(known, wished, replace=replace))
    return dict(postgres.read(after))
