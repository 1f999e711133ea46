"""Routes of runs: the list, one run, its events as a stream, and the wish to cancel it."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Header, Query, status
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from sqlalchemy.engine import Engine

from supafleet.db import EngineDep, SessionDep, reading
from supafleet.deps import CurrentActor, CurrentStanding, Standing, needs
from supafleet.errors import InvalidField, responses
from supafleet.permissions import Permission
from supafleet.routing import Router
from supafleet.runs import service
from supafleet.runs.feed import feeds
from supafleet.runs.schemas import RunOut

_COMMENT_SECONDS = 10.0
_MEDIA_TYPE = "text/event-stream"

router = Router(prefix="/fleet/runs", tags=["Runs"], responses=responses(401))


@router.get("", response_model=list[RunOut], dependencies=needs(Permission.PROJECTS_READ))
def list_runs(
    session: SessionDep,
    actor: CurrentActor,
    project: Annotated[str | None, Query(description="Only runs of the project with this ref.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[RunOut]:
    """Runs, the newest first."""
    return service.list_runs(session, project, limit, actor)


@router.get(
    "/{run_id}",
    response_model=RunOut,
    responses=responses(403, 404),
    dependencies=needs(Permission.PROJECT_ADMIN_READ),
)
def get_run(session: SessionDep, run_id: str) -> RunOut:
    """One run with the times of its phases."""
    return service.render_run(session, service.get_run(session, run_id))


@router.post(
    "/{run_id}/cancel",
    response_model=RunOut,
    status_code=status.HTTP_202_ACCEPTED,
    responses=responses(403, 404, 409),
    dependencies=needs(Permission.PROJECT_ADMIN_WRITE),
)
def cancel_run(session: SessionDep, actor: CurrentActor, run_id: str) -> RunOut:
    """Ask a run to end; it has ended when its status says so."""
    return service.render_run(session, service.cancel_run(session, run_id, actor.username))


@router.get(
    "/{run_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {"description": "One event each, its number as its id.", "content": {_MEDIA_TYPE: {}}},
        **responses(403, 404, 422),
    },
    dependencies=needs(Permission.PROJECT_ADMIN_READ),
)
async def stream_events(
    engine: EngineDep,
    run_id: str,
    standing: CurrentStanding,
    from_number: Annotated[int | None, Query(alias="from", ge=1, description="First number to send.")] = None,
    last_event_id: Annotated[str | None, Header(description="Number after which to go on.")] = None,
) -> StreamingResponse:
    """Events of a run as server-sent events, from any number on, until the run has ended."""
    after = _after(from_number, last_event_id)
    await run_in_threadpool(_require_run, engine, run_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(engine, run_id, after, standing), media_type=_MEDIA_TYPE, headers=headers)


def _after(from_number: int | None, last_event_id: str | None) -> int:
    # A browser that reconnects repeats its address and adds the header: the header is the newer wish.
    if last_event_id is not None:
        if not last_event_id.isascii() or not last_event_id.isdigit() or len(last_event_id) > 15:
            raise InvalidField("Last-Event-ID", "must be the number of an event")
        return int(last_event_id)
    return (from_number or 1) - 1


def _require_run(engine: Engine, run_id: str) -> None:
    with reading(engine) as session:
        service.get_run(session, run_id)


async def _stream(engine: Engine, run_id: str, after: int, standing: Standing) -> AsyncIterator[str]:
    with feeds.follow(engine, run_id) as feed:
        while True:
            lines, has_ended = await feed.after(after, _COMMENT_SECONDS)
            if refusal := await standing.refusal():
                yield f": {refusal}\n\n"
                return
            if lines:
                yield "".join(line.text for line in lines)
                after = lines[-1].number
                if lines[-1].is_last:
                    return
            elif has_ended:
                return
            else:
                yield ": still here\n\n"
