"""`/v1/projects/{ref}/database` and what else is asked of a project's database."""

from typing import Annotated, Any

from fastapi import Query, Response, status

from supafleet import access
from supafleet.answers import empty
from supafleet.database import login_roles, passwords, queries, service
from supafleet.database.reach import GatewaysDep, ReachedDep
from supafleet.database.schemas import (
    Bucket,
    Context,
    LoginRole,
    LoginRoleCreate,
    LoginRolesDeleted,
    Message,
    PasswordChange,
    ReadOnlyQuery,
    SchemaName,
    Types,
)
from supafleet.database.schemas import Query as QueryBody
from supafleet.db import EngineDep
from supafleet.deps import CurrentActor, CurrentPlace, JobsDep, ProjectRef, SettingsDep, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.routing import Router

router = Router(prefix="/v1/projects/{ref}", tags=["Database"])

_REFUSALS = responses(400, 401, 403, 404, 409, 422, 429, 502, 504)
_Schemas = Annotated[str, Query(description="Names of schemas with commas between them.", max_length=4000)]


@router.post(
    "/database/query",
    operation_id="v1-run-a-query",
    status_code=status.HTTP_201_CREATED,
    response_model=list[dict[str, Any]],
    responses=_REFUSALS,
    # That it may write, too, is asked for below: the body says whether it does.
    dependencies=needs(Permission.DATABASE_READ),
)
async def run_query(
    body: QueryBody,
    project: ReachedDep,
    gateways: GatewaysDep,
    engine: EngineDep,
    settings: SettingsDep,
    actor: CurrentActor,
    place: CurrentPlace,
) -> Response:
    """Run a query on the project's database; the rows of the last statement that has any."""
    if body.read_only:
        return _rows(
            await queries.run_read_only_query(gateways, engine, settings, project, body.query, body.parameters)
        )
    access.require_at(place, actor, Permission.DATABASE_WRITE)
    return _rows(await queries.run_query(gateways, project, body.query, body.parameters))


@router.post(
    "/database/query/read-only",
    operation_id="v1-read-only-query",
    status_code=status.HTTP_201_CREATED,
    response_model=list[dict[str, Any]],
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_READ),
)
async def run_read_only_query(
    body: ReadOnlyQuery, project: ReachedDep, gateways: GatewaysDep, engine: EngineDep, settings: SettingsDep
) -> Response:
    """Run a query as supabase_read_only_user; it cannot write, whatever it says."""
    return _rows(await queries.run_read_only_query(gateways, engine, settings, project, body.query, body.parameters))


@router.get(
    "/database/context",
    operation_id="v1-get-database-metadata",
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_READ),
)
async def get_context(project: ReachedDep, gateways: GatewaysDep) -> Context:
    """List the schemas of the project's database."""
    return await service.read_context(gateways, project)


@router.get(
    "/database/openapi",
    operation_id="v1-get-database-openapi",
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_READ),
)
async def get_openapi(
    project: ReachedDep,
    gateways: GatewaysDep,
    schema: Annotated[
        SchemaName | None, Query(description="A schema of the API; unset: its first.", max_length=63)
    ] = None,
) -> dict[str, Any]:
    """Tell what the REST API of the project serves, as its OpenAPI document."""
    return await service.read_openapi(gateways, project, schema)


@router.post(
    "/database/webhooks/enable",
    operation_id="v1-enable-database-webhook",
    status_code=status.HTTP_201_CREATED,
    response_class=Response,
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_WEBHOOKS_CONFIG_WRITE),
)
async def enable_webhooks(project: ReachedDep, gateways: GatewaysDep) -> Response:
    """Tell that the project's database can send webhooks: it could from the beginning, if its schema is still there."""
    await service.require_webhooks(gateways, project)
    return empty(status.HTTP_201_CREATED)


@router.patch(
    "/database/password",
    operation_id="v1-update-database-password",
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_CONFIG_WRITE),
)
async def change_password(
    ref: ProjectRef,
    body: PasswordChange,
    gateways: GatewaysDep,
    engine: EngineDep,
    jobs: JobsDep,
    settings: SettingsDep,
    actor: CurrentActor,
) -> Message:
    """Change the password of the database; the answer comes when all services work with it."""
    await passwords.change_password(gateways, engine, jobs, settings, ref, actor, body.password.get_secret_value())
    return Message(message="Successfully updated the database password.")


@router.get(
    "/types/typescript",
    operation_id="v1-generate-typescript-types",
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_READ),
)
async def generate_types(project: ReachedDep, gateways: GatewaysDep, included_schemas: _Schemas = "public") -> Types:
    """Make TypeScript types of the project's schemas."""
    return Types(types=await service.generate_types(gateways, project, included_schemas))


@router.post(
    "/cli/login-role",
    operation_id="v1-create-login-role",
    status_code=status.HTTP_201_CREATED,
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_WRITE),
)
async def create_login_role(body: LoginRoleCreate, project: ReachedDep, gateways: GatewaysDep) -> LoginRole:
    """Make a role with which the command line may log in for a while."""
    return await login_roles.create(gateways, project, read_only=body.read_only)


@router.delete(
    "/cli/login-role",
    operation_id="v1-delete-login-roles",
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_WRITE),
)
async def delete_login_roles(project: ReachedDep, gateways: GatewaysDep) -> LoginRolesDeleted:
    """Take all such roles away and end their sessions."""
    await login_roles.delete_all(gateways, project)
    return LoginRolesDeleted()


@router.get(
    "/storage/buckets",
    operation_id="v1-list-all-buckets",
    responses=_REFUSALS,
    dependencies=needs(Permission.STORAGE_READ),
)
async def list_buckets(project: ReachedDep, gateways: GatewaysDep) -> list[Bucket]:
    """List the buckets of the project's storage."""
    return await service.list_buckets(gateways, project)


def _rows(body: bytes) -> Response:
    return Response(body, status.HTTP_201_CREATED, media_type="application/json")
