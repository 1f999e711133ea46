"""`/platform/pg-meta/{ref}`: what Studio lists and changes in a project's database, passed to its postgres-meta.

The connection string that Studio may send along is not passed on: the project's own service knows its database.
"""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Body, Query, Request, Response

from supafleet import access
from supafleet.database import queries
from supafleet.database.reach import GatewaysDep, ReachedDep
from supafleet.database.schemas import JsonValue
from supafleet.db import EngineDep
from supafleet.deps import CurrentPlace, SettingsDep, needs
from supafleet.errors import InvalidField, responses
from supafleet.permissions import Permission
from supafleet.routing import Router
from supafleet.studio import pg_meta, schemas
from supafleet.studio.pg_meta import Collection

router = Router(
    prefix="/platform/pg-meta/{ref}", tags=["Studio"], responses=responses(400, 401, 403, 404, 409, 422, 429, 502, 504)
)

Id = Annotated[
    str | None,
    Query(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=63, description="Number or name of one of them."),
]
#: What postgres-meta tells of one of them; it decides which members.
_One = dict[str, Any]
_Found = list[_One] | _One
_WRITING = needs(Permission.DATABASE_WRITE)
#: Parameters that are about the request, not about the database: the id stands in the path there.
_OWN_PARAMETERS = ("id", "key")
#: Written anew, it may be six times as long, and no more than 64 KiB can be sent on.
_LONGEST_QUERY = 8000


@router.post(
    "/query",
    operation_id="studio-run-query",
    response_model=list[_One],
    # Whoever may only read is let in as somebody who cannot write.
    dependencies=needs(Permission.DATABASE_READ),
)
async def run_query(
    project: ReachedDep,
    gateways: GatewaysDep,
    engine: EngineDep,
    settings: SettingsDep,
    place: CurrentPlace,
    body: schemas.Query,
) -> Response:
    """Run SQL in a project's database: the rows. For a role that may not write it runs as a read-only query."""
    if access.allows(place, Permission.DATABASE_WRITE):
        return _json(await pg_meta.ask(gateways, project, "POST", "query", body={"query": body.query}))
    return _json(await queries.run_read_only_query(gateways, engine, settings, project, body.query, None))


@router.get(
    "/{collection}",
    operation_id="studio-list-in-database",
    response_model=_Found,
    dependencies=needs(Permission.DATABASE_READ),
)
async def list_collection(
    project: ReachedDep,
    gateways: GatewaysDep,
    collection: Collection,
    request: Request,
    id: Id = None,  # noqa: A002 - Studio's name
) -> Response:
    """List what is in a project's database, or show the one with this id."""
    return _json(await pg_meta.ask(gateways, project, "GET", _path(collection, id), params=_passed_on(request)))


@router.post(
    "/{collection}",
    operation_id="studio-create-in-database",
    response_model=_Found,
    dependencies=_WRITING,
)
async def create_in_collection(
    project: ReachedDep,
    gateways: GatewaysDep,
    collection: Collection,
    body: Annotated[JsonValue, Body()],
) -> Response:
    """Create something in a project's database, or grant privileges."""
    return _json(await pg_meta.ask(gateways, project, "POST", collection, body=body))


@router.patch(
    "/{collection}",
    operation_id="studio-change-in-database",
    response_model=_Found,
    dependencies=_WRITING,
)
async def change_in_collection(
    project: ReachedDep,
    gateways: GatewaysDep,
    collection: Collection,
    id: Id,  # noqa: A002 - Studio's name
    body: Annotated[JsonValue, Body()],
) -> Response:
    """Change something in a project's database."""
    return _json(await pg_meta.ask(gateways, project, "PATCH", _path(collection, id), body=body))


@router.delete(
    "/{collection}",
    operation_id="studio-delete-in-database",
    response_model=_Found,
    dependencies=_WRITING,
)
async def delete_in_collection(
    project: ReachedDep,
    gateways: GatewaysDep,
    collection: Collection,
    request: Request,
    id: Id = None,  # noqa: A002 - Studio's name
    body: Annotated[JsonValue, Body()] = None,
) -> Response:
    """Delete the one with this id from a project's database, or revoke the privileges in the body."""
    return _json(
        await pg_meta.ask(gateways, project, "DELETE", _path(collection, id), params=_passed_on(request), body=body)
    )


def _passed_on(request: Request) -> tuple[tuple[str, str], ...]:
    if len(request.url.query) > _LONGEST_QUERY:
        raise InvalidField("query", f"may have at most {_LONGEST_QUERY} characters")
    return tuple(item for item in request.query_params.multi_items() if item[0] not in _OWN_PARAMETERS)


def _path(collection: Collection, identity: str | None) -> str:
    return collection if identity is None else f"{collection}/{quote(identity, safe='')}"


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")
