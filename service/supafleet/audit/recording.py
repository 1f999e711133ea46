"""Around every change: one row that says who asked for it and how it ended, before the answer leaves."""

import structlog
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from supafleet.addresses import address_of
from supafleet.audit import service, trail
from supafleet.audit.models import AuditEntry
from supafleet.audit.trail import Trail
from supafleet.db import unit_of_work

log = structlog.get_logger(__name__)

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_INTERNAL_ERROR = 500


class AuditRecord:
    """Writes a row for each request that wants a change, also when it was refused or failed.

    Requests of nobody leave no row, or anybody could fill the table; attempts to sign in or up do, and these are
    limited. The change itself is committed by then: when its row cannot be written, the log has it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] in _READING:
            await self._app(scope, receive, send)
            return
        with trail.following() as notes:
            is_told = False

            async def send_recorded(message: Message) -> None:
                nonlocal is_told
                if message["type"] == "http.response.start" and not is_told:
                    is_told = True
                    await _record(scope, notes, message["status"])
                await send(message)

            try:
                await self._app(scope, receive, send_recorded)
            except Exception:
                if not is_told:
                    await _record(scope, notes, _INTERNAL_ERROR)
                raise


async def _record(scope: Scope, notes: Trail, status: int) -> None:
    route = scope.get("route")
    if route is None or scope["method"] not in route.methods:
        return
    if notes.account_id is None and not notes.is_attempt:
        return
    entry = service.make_entry(
        notes,
        operation=route.operation_id or route.unique_id,
        path=scope.get("path_params", {}),
        status=status,
        address=address_of(scope.get("client")),
        request_id=structlog.contextvars.get_contextvars().get("request_id"),
    )
    try:
        await run_in_threadpool(_store, scope, entry)
    except SQLAlchemyError as error:
        log.error("audit.lost", error=type(error).__name__, **entry.model_dump(mode="json", exclude={"id"}))


def _store(scope: Scope, entry: AuditEntry) -> None:
    with unit_of_work(scope["app"].state.engine) as session:
        session.add(entry)
