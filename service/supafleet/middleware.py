"""Around every request: an id, one log line, and an answer even when something is broken."""

import json
import secrets
import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger(__name__)

#: What is said of a body beyond the limit, by whatever part of the framework noticed it.
TOO_LARGE = "The body is larger than this service takes."
_TOO_LARGE_BODY = json.dumps({"message": TOO_LARGE}).encode()
_TOO_LARGE_STATUS = 413
_QUIET_PATHS = frozenset({"/healthz", "/readyz"})


class RequestLog:
    """Logs each request and turns an unexpected exception into a 500 that names its log line."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        status: list[int] = []
        is_bare = False

        async def send_noting(message: Message) -> None:
            nonlocal is_bare
            if message["type"] == "http.response.start":
                status.append(message["status"])
                is_bare = _is_bare_refusal(message)
                if is_bare:
                    message["headers"] = _json_headers(_TOO_LARGE_BODY)
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            elif is_bare:
                message["body"] = _TOO_LARGE_BODY
            await send(message)

        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_noting)
            except Exception:
                log.exception("request.broke", method=scope["method"], path=scope["path"])
                if status:
                    raise  # half of the answer is out: breaking the connection is the only honest end
                await _send_internal_error(send_noting, request_id)
            if scope["path"] not in _QUIET_PATHS:
                log.info(
                    "request.served",
                    method=scope["method"],
                    path=scope["path"],
                    status=status[0] if status else None,
                    milliseconds=round((time.perf_counter() - began) * 1000, 1),
                )


def _is_bare_refusal(start: Message) -> bool:
    """Whether the framework refused a body in words of its own; a route's own sentence is JSON."""
    return start["status"] == _TOO_LARGE_STATUS and (b"content-type", b"application/json") not in start["headers"]


async def _send_internal_error(send: Send, request_id: str) -> None:
    body = json.dumps({"message": f"Internal error; see the log with id {request_id}."}).encode()
    await send({"type": "http.response.start", "status": 500, "headers": _json_headers(body)})
    await send({"type": "http.response.body", "body": body})


def _json_headers(body: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
