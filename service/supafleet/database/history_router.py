"""`/v1/projects/{ref}/database/migrations`."""

from typing import Annotated

from fastapi import Header, Path, Query, Response

from supafleet.answers import empty
from supafleet.database import history
from supafleet.database.reach import GatewaysDep, ReachedDep
from supafleet.database.schemas import Migration, MigrationCreate, MigrationListed, MigrationPatch
from supafleet.deps import CurrentActor, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.routing import Router

router = Router(prefix="/v1/projects/{ref}/database/migrations", tags=["Database"])

_REFUSALS = responses(400, 401, 403, 404, 409, 422, 429, 502, 504)
_Version = Annotated[str, Path(pattern=r"^\d{1,32}$", description="Version of the migration.")]
_Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=255, description="A second request with it does nothing."),
]


@router.get(
    "",
    operation_id="v1-list-migration-history",
    response_model_exclude_none=True,
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_MIGRATIONS_READ),
)
async def list_migrations(project: ReachedDep, gateways: GatewaysDep) -> list[MigrationListed]:
    """List the migrations of the project's database, the oldest first."""
    return [
        MigrationListed(version=one.version, name=one.name) for one in await history.list_migrations(gateways, project)
    ]


@router.post(
    "",
    operation_id="v1-apply-a-migration",
    response_class=Response,
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_MIGRATIONS_WRITE),
)
async def apply_migration(
    body: MigrationCreate, project: ReachedDep, gateways: GatewaysDep, actor: CurrentActor, key: _Key = None
) -> Response:
    """Run a migration and put it into the history, in one transaction."""
    await history.apply(gateways, project, body, key, actor.username)
    return empty()


@router.put(
    "",
    operation_id="v1-upsert-a-migration",
    response_class=Response,
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_MIGRATIONS_WRITE),
)
async def put_migration(
    body: MigrationCreate, project: ReachedDep, gateways: GatewaysDep, actor: CurrentActor, key: _Key = None
) -> Response:
    """Put a migration into the history without running it; one with the same key is replaced."""
    await history.put(gateways, project, body, key, actor.username)
    return empty()


@router.delete(
    "",
    operation_id="v1-rollback-migrations",
    response_class=Response,
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_MIGRATIONS_WRITE),
)
async def roll_back_migrations(
    project: ReachedDep,
    gateways: GatewaysDep,
    gte: Annotated[str, Query(pattern=r"^\d{1,32}$", description="The oldest version that is undone.")],
) -> Response:
    """Undo the migrations from a version on, the newest first, in one transaction."""
    await history.roll_back(gateways, project, gte)
    return empty()


@router.get(
    "/{version}",
    operation_id="v1-get-a-migration",
    response_model_exclude_none=True,
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_MIGRATIONS_READ),
)
async def get_migration(version: _Version, project: ReachedDep, gateways: GatewaysDep) -> Migration:
    """Tell what a migration consists of."""
    return await history.get_migration(gateways, project, version)


@router.patch(
    "/{version}",
    operation_id="v1-patch-a-migration",
    response_class=Response,
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_MIGRATIONS_WRITE),
)
async def patch_migration(
    version: _Version, body: MigrationPatch, project: ReachedDep, gateways: GatewaysDep
) -> Response:
    """Change the name or the rollback of a migration in the history."""
    await history.patch(gateways, project, version, body)
    return empty()
