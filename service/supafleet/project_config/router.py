"""The configuration of a project's services: Auth, the Data API, Storage, Realtime and Postgres."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response, status

from supafleet.db import EngineDep
from supafleet.deps import CurrentActor, JobsDep, SettingsDep, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.project_config import auth, data_api, postgres, realtime, storage
from supafleet.project_config.auth import AuthConfig, AuthConfigPatch
from supafleet.project_config.data_api import DataApiConfig, DataApiPatch
from supafleet.project_config.postgres import PostgresConfig, PostgresConfigBody
from supafleet.project_config.realtime import RealtimeConfig, RealtimeConfigPatch
from supafleet.project_config.service import change_settings, read_settings
from supafleet.project_config.storage import StorageConfig, StorageConfigPatch

router = APIRouter(prefix="/v1/projects/{ref}", tags=["Configuration"])

ProjectRef = Annotated[str, Path(description="Ref of the project: 20 lowercase letters.")]
_READ = responses(401, 403, 404)
_CHANGE = responses(401, 403, 404, 409, 413, 422, 502)


@router.get(
    "/config/auth",
    operation_id="v1-get-auth-service-config",
    response_model=AuthConfig,
    responses=_READ,
    dependencies=needs(Permission.AUTH_CONFIG_READ),
)
def get_auth(ref: ProjectRef, engine: EngineDep, actor: CurrentActor, settings: SettingsDep) -> dict[str, Any]:
    """Tell how Auth is set up; secrets are told as a hash."""
    return auth.read(read_settings(engine, ref, actor, settings), ref)


@router.patch(
    "/config/auth",
    operation_id="v1-update-auth-service-config",
    response_model=AuthConfig,
    responses=_CHANGE,
    dependencies=needs(Permission.AUTH_CONFIG_WRITE, Permission.PROJECT_ADMIN_WRITE),
)
def change_auth(
    ref: ProjectRef,
    body: AuthConfigPatch,
    engine: EngineDep,
    jobs: JobsDep,
    actor: CurrentActor,
    settings: SettingsDep,
) -> dict[str, Any]:
    """Change how Auth is set up; null takes a field back to its default. The answer comes when it is applied."""
    patch = body.model_dump(exclude_unset=True)
    after = change_settings(
        engine, jobs, ref, lambda known: auth.change(known, patch), actor, settings, places=auth.PLACES
    )
    return auth.read(after, ref)


@router.get(
    "/postgrest",
    operation_id="v1-get-postgrest-service-config",
    responses=_READ,
    dependencies=needs(Permission.DATA_API_CONFIG_READ),
)
def get_data_api(ref: ProjectRef, engine: EngineDep, actor: CurrentActor, settings: SettingsDep) -> DataApiConfig:
    """Tell how the Data API is set up."""
    return data_api.read(read_settings(engine, ref, actor, settings), ref)


@router.patch(
    "/postgrest",
    operation_id="v1-update-postgrest-service-config",
    responses=_CHANGE,
    dependencies=needs(Permission.DATA_API_CONFIG_WRITE),
)
def change_data_api(
    ref: ProjectRef, body: DataApiPatch, engine: EngineDep, jobs: JobsDep, actor: CurrentActor, settings: SettingsDep
) -> DataApiConfig:
    """Change how the Data API is set up. The answer comes when it is applied."""
    patch = body.model_dump(exclude_unset=True)
    after = change_settings(
        engine, jobs, ref, lambda known: data_api.change(known, patch), actor, settings, places=data_api.PLACES
    )
    return data_api.read(after, ref)


@router.get(
    "/config/storage",
    operation_id="v1-get-storage-config",
    responses=_READ,
    dependencies=needs(Permission.STORAGE_CONFIG_READ),
)
def get_storage(ref: ProjectRef, engine: EngineDep, actor: CurrentActor, settings: SettingsDep) -> StorageConfig:
    """Tell how Storage is set up."""
    return storage.read(read_settings(engine, ref, actor, settings), ref)


@router.patch(
    "/config/storage",
    operation_id="v1-update-storage-config",
    responses=_CHANGE,
    dependencies=needs(Permission.STORAGE_CONFIG_WRITE),
)
def change_storage(
    ref: ProjectRef,
    body: StorageConfigPatch,
    engine: EngineDep,
    jobs: JobsDep,
    actor: CurrentActor,
    settings: SettingsDep,
) -> Response:
    """Change how Storage is set up. The answer comes when it is applied."""
    patch = body.model_dump(exclude_unset=True)
    change_settings(
        engine, jobs, ref, lambda known: storage.change(known, patch), actor, settings, places=storage.PLACES
    )
    return Response(status_code=status.HTTP_200_OK, headers={"Content-Length": "0"})


@router.get(
    "/config/realtime",
    operation_id="v1-get-realtime-config",
    response_model=RealtimeConfig,
    responses=_READ,
    dependencies=needs(Permission.REALTIME_CONFIG_READ),
)
def get_realtime(ref: ProjectRef, engine: EngineDep, actor: CurrentActor, settings: SettingsDep) -> dict[str, Any]:
    """Tell how Realtime is set up."""
    return realtime.read(read_settings(engine, ref, actor, settings), ref)


@router.patch(
    "/config/realtime",
    operation_id="v1-update-realtime-config",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=_CHANGE,
    dependencies=needs(Permission.REALTIME_CONFIG_WRITE),
)
def change_realtime(
    ref: ProjectRef,
    body: RealtimeConfigPatch,
    engine: EngineDep,
    jobs: JobsDep,
    actor: CurrentActor,
    settings: SettingsDep,
) -> Response:
    """Change the limits of Realtime. The answer comes when it is applied."""
    patch = body.model_dump(exclude_unset=True)
    change_settings(engine, jobs, ref, lambda known: realtime.change(known, patch), actor, settings)
    return Response(status_code=status.HTTP_204_NO_CONTENT)


@router.get(
    "/config/database/postgres",
    operation_id="v1-get-postgres-config",
    response_model=PostgresConfig,
    response_model_exclude_unset=True,
    responses=_READ,
    dependencies=needs(Permission.DATABASE_CONFIG_READ),
)
def get_postgres(ref: ProjectRef, engine: EngineDep, actor: CurrentActor, settings: SettingsDep) -> dict[str, Any]:
    """Tell the settings of Postgres that were chosen; all others have their defaults."""
    return dict(postgres.read(read_settings(engine, ref, actor, settings)))


@router.put(
    "/config/database/postgres",
    operation_id="v1-update-postgres-config",
    response_model=PostgresConfig,
    response_model_exclude_unset=True,
    responses=_CHANGE,
    dependencies=needs(Permission.DATABASE_CONFIG_WRITE),
)
def put_postgres(
    ref: ProjectRef,
    body: PostgresConfigBody,
    engine: EngineDep,
    jobs: JobsDep,
    actor: CurrentActor,
    settings: SettingsDep,
) -> dict[str, Any]:
    """Set the settings of Postgres; those not named go back to their defaults. The database is started anew."""
    wished = body.model_dump(by_alias=True, exclude_unset=True)
    after = change_settings(
        engine, jobs, ref, lambda known: postgres.change(known, wished, replace=True), actor, settings
    )
    return dict(postgres.read(after))


@router.patch(
    "/config/database/postgres",
    operation_id="v1-patch-postgres-config",
    response_model=PostgresConfig,
    response_model_exclude_unset=True,
    responses=_CHANGE,
    dependencies=needs(Permission.DATABASE_CONFIG_WRITE),
)
def patch_postgres(
    ref: ProjectRef,
    body: PostgresConfigBody,
    engine: EngineDep,
    jobs: JobsDep,
    actor: CurrentActor,
    settings: SettingsDep,
) -> dict[str, Any]:
    """Set some settings of Postgres; those not named stay. The database is started anew."""
    wished = body.model_dump(by_alias=True, exclude_unset=True)
    after = change_settings(
        engine, jobs, ref, lambda known: postgres.change(known, wished, replace=False), actor, settings
    )
    return dict(postgres.read(after))


@router.get(
    "/config/database/pooler",
    operation_id="v1-get-pooler-config",
    responses=_READ,
    dependencies=needs(Permission.DATABASE_POOLING_CONFIG_READ),
)
def list_poolers(
    ref: ProjectRef, engine: EngineDep, actor: CurrentActor, settings: SettingsDep
) -> list[dict[str, str]]:
    """List the project's connection poolers: no release of this version has one."""
    read_settings(engine, ref, actor, settings)
    return []
