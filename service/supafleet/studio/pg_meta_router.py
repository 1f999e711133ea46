"""`/platform/pg-meta/{ref}`: what Studio lists and changes in a project's database, passed to its postgres-meta.

The connection string that Studio may send along is not passed on: the project's own service knows its database.
"""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body, Path, Query, Request, Response

from supafleet.db import EngineDep
from supafleet.deps import CurrentActor, SettingsDep, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.studio import pg_meta, schemas
from supafleet.studio.pg_meta import Collection

router = APIRouter(prefix="/platform/pg-meta/{ref}", tags=["Studio"])

ProjectRef = Annotated[str, Path(description="Ref of the project: 20 lowercase letters.")]
Id = Annotated[
    str | None,
    Query(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=63, description="Number or name of one of them."),
]
_REFUSALS = responses(400, 401, 403, 404, 409, 422, 502)
_WRITING = needs(Permission.DATABASE_WRITE)
#: Parameters that are about the request, not about the database: the id stands in the path there.
_OWN_PARAMETERS = ("id", "key")


@router.post("/query", operation_id="studio-run-query", responses=_REFUSALS, dependencies=_WRITING)
def run_query(
    ref: ProjectRef, body: schemas.Query, engine: EngineDep, actor: CurrentActor, settings: SettingsDep
) -> Response:
    """Run SQL in a project's database: the rows."""
    database = pg_meta.locate(engine, ref, actor, settings)
    return _json(pg_meta.ask(database, "POST", "query", body={"query": body.query}))


@router.get(
    "/{collection}",
    operation_id="studio-list-in-database",
    responses=_REFUSALS,
    dependencies=needs(Permission.DATABASE_READ),
)
def list_collection(
    ref: ProjectRef,
    collection: Collection,
    request: Request,
    engine: EngineDep,
    actor: CurrentActor,
    settings: SettingsDep,
    id: Id = None,  # noqa: A002 - Studio's name
) -> Response:
    """List what is in a project's database, or show the one with this id."""
    database = pg_meta.locate(engine, ref, actor, settings)
    params = [(name, value) for name, value in request.query_params.multi_items() if name not in _OWN_PARAMETERS]
    return _json(pg_meta.ask(database, "GET", _path(collection, id), params=params))


@router.post("/{collection}", operation_id="studio-create-in-database", responses=_REFUSALS, dependencies=_WRITING)
def create_in_collection(
    ref: ProjectRef,
    collection: Collection,
    body: Annotated[Any, Body()],
    engine: EngineDep,
    actor: CurrentActor,
    settings: SettingsDep,
) -> Response:
    """Create something in a project's database, or grant privileges."""
    return _json(pg_meta.ask(pg_meta.locate(engine, ref, actor, settings), "POST", collection, body=body))


@router.patch("/{collection}", operation_id="studio-change-in-database", responses=_REFUSALS, dependencies=_WRITING)
def change_in_collection(
    ref: ProjectRef,
    collection: Collection,
    id: Id,  # noqa: A002 - Studio's name
    body: Annotated[Any, Body()],
    engine: EngineDep,
    actor: CurrentActor,
    settings: SettingsDep,
) -> Response:
    """Change something in a project's database."""
    database = pg_meta.locate(engine, ref, actor, settings)
    return _json(pg_meta.ask(database, "PATCH", _path(collection, id), body=body))


@router.delete("/{collection}", operation_id="studio-delete-in-database", responses=_REFUSALS, dependencies=_WRITING)
def delete_in_collection(
    ref: ProjectRef,
    collection: Collection,
    request: Request,
    engine: EngineDep,
    actor: CurrentActor,
    settings: SettingsDep,
    id: Id = None,  # noqa: A002 - Studio's name
    body: Annotated[Any, Body()] = None,
) -> Response:
    """Delete the one with this id from a project's database, or revoke the privileges in the body."""
    database = pg_meta.locate(engine, ref, actor, settings)
    params = [(name, value) for name, value in request.query_params.multi_items() if name not in _OWN_PARAMETERS]
    return _json(pg_meta.ask(database, "DELETE", _path(collection, id), params=params, body=body))


def _path(collection: Collection, identity: str | None) -> str:
    return collection if identity is None else f"{collection}/{quote(identity, safe='')}"


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")
