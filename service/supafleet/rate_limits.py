"""How often the API may be asked: counted in this process alone, by minute, for each token and each address."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from supafleet.addresses import address_of, block_of

RATE_LIMIT_HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
# Probes come from machines without a token, and the document is a few files that cost nothing.
_UNLIMITED = frozenset({"/healthz", "/readyz", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"})
_UNLIMITED_FILES = "/static-offline-docs/"
_WINDOW_SECONDS = 60


@dataclass(frozen=True)
class Budget:
    """What is left of a minute."""

    limit: int
    used: int
    reset: int

    @property
    def is_spent(self) -> bool:
        """Whether this request is one too many."""
        return self.used > self.limit

    @property
    def remaining(self) -> int:
        """Requests that are left."""
        return max(0, self.limit - self.used)

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The official headers."""
        values = (self.limit, self.remaining, self.reset)
        return [(name.encode(), str(value).encode()) for name, value in zip(RATE_LIMIT_HEADERS, values, strict=True)]


def is_limited(path: str) -> bool:
    """Whether requests to this path are counted: all but the probes and the pages of the document."""
    return path not in _UNLIMITED and not path.startswith(_UNLIMITED_FILES)


class RateLimits:
    """Refuses with 429 what comes too often, and tells everybody what is left."""

    def __init__(
        self, app: ASGIApp, *, per_token: int, per_address: int, clock: Callable[[], float] = time.time
    ) -> None:
        self._app = app
        self._per_token = per_token
        self._per_address = per_address
        self._clock = clock
        self._window = 0
        self._counts: Counter[bytes | str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        budget = self._count(scope) if scope["type"] == "http" and is_limited(scope["path"]) else None
        if budget is None:
            await self._app(scope, receive, send)
            return

        async def send_telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *budget.headers]
            await send(message)

        if budget.is_spent:
            await _refuse(send_telling, budget)
        else:
            await self._app(scope, receive, send_telling)

    def _count(self, scope: Scope) -> Budget | None:
        """The tightest budget after this request, None when nothing is limited."""
        now = self._clock()
        window = int(now // _WINDOW_SECONDS)
        if window != self._window:
            # All counts end together, so what is remembered is bounded by what comes within a minute.
            self._window = window
            self._counts.clear()
        reset = _WINDOW_SECONDS - int(now % _WINDOW_SECONDS)
        budgets = []
        for name, limit in ((_token_of, self._per_token), (_place_of, self._per_address)):
            key = name(scope) if limit else None
            if key is not None:
                self._counts[key] += 1
                budgets.append(Budget(limit, self._counts[key], reset))
        return min(budgets, key=lambda budget: budget.limit - budget.used, default=None)


def _token_of(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            return hashlib.sha256(value).digest()
    return None


def _place_of(scope: Scope) -> str:
    return block_of(address_of(scope.get("client")))


async def _refuse(send: Send, budget: Budget) -> None:
    sentence = f"Too many requests: {budget.limit} a minute are allowed; try again in {budget.reset} seconds."
    body = json.dumps({"message": sentence}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(budget.reset).encode()),
    ]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})
