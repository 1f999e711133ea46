"""`/fleet/projects/{ref}/logs`: log lines as a stream, one JSON document a line."""

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from supafleet.deps import CurrentActor, CurrentStanding, Standing, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.projects.logs import (
    DEFAULT_LINES,
    MOST_LINES,
    Line,
    LogQuery,
    LogReaders,
    LogReading,
    parse_services,
    parse_since,
)
from supafleet.routing import Router

_MEDIA_TYPE = "application/x-ndjson"

router = Router(prefix="/fleet/projects", tags=["Fleet"])


async def get_log_readers(request: Request) -> LogReaders:
    """The application's readers of logs."""
    readers: LogReaders = request.app.state.log_readers
    return readers


class LogResponse(StreamingResponse):
    """The lines of a reading, which ends with the response in any case."""

    def __init__(self, reading: LogReading, standing: Standing, *, follow: bool) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(_encoded(reading.answers(), standing, follow=follow), media_type=_MEDIA_TYPE, headers=headers)
        self._reading = reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines. A client may be gone before the first one, so the generator alone could not tell."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._reading.leave()


@router.get(
    "/{ref}/logs",
    operation_id="fleet-read-logs",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "One JSON document a line: service, at and text, or as the last line an error. While "
            "following, an empty line at least every ten seconds.",
            "content": {_MEDIA_TYPE: {}},
        },
        **responses(401, 403, 404, 409, 422, 502),
    },
    dependencies=needs(Permission.ANALYTICS_LOGS_READ),
)
async def read_logs(
    ref: Annotated[str, Path(description="Ref of the project.")],
    readers: Annotated[LogReaders, Depends(get_log_readers)],
    actor: CurrentActor,
    standing: CurrentStanding,
    services: Annotated[
        list[str] | None, Query(alias="service", description="Names, repeated or joined by commas. Default: all.")
    ] = None,
    tail: Annotated[
        int | None,
        Query(
            ge=0,
            le=MOST_LINES,
            description=f"Newest lines of all these services together. Default: {DEFAULT_LINES}, "
            f"with since {MOST_LINES}.",
        ),
    ] = None,
    since: Annotated[
        str | None, Query(description="Only lines since then: 10m ago (also s, h, d), or 2026-01-31T12:00:00Z.")
    ] = None,
    follow: Annotated[bool, Query(description="Go on with lines that come later, until the client leaves.")] = False,
) -> LogResponse:
    """Read log lines of the project's containers, its secrets masked; nothing is kept."""
    query = LogQuery(ref, parse_services(services or []), tail, parse_since(since), follow)
    return LogResponse(await readers.open(query, actor), standing, follow=follow)


async def _encoded(answers: AsyncIterator[list[Line]], standing: Standing, *, follow: bool) -> AsyncIterator[str]:
    async for lines in answers:
        if refusal := await standing.refusal():
            yield json.dumps({"error": refusal}) + "\n"
            return
        if lines:
            yield "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        elif follow:
            yield "\n"
