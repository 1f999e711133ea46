"""Requests that wait until something has happened: in threads of their own, and never all of one project."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import anyio.to_thread
from anyio.lowlevel import RunVar

from supafleet.errors import TooManyRequests

Answer = TypeVar("Answer")
Function = TypeVar("Function", bound=Callable[..., Any])

#: Threads that mostly sleep; what answers at once has the framework's forty for itself.
MOST_WAITING = 256
MOST_OF_ONE_PROJECT = 16
_RETRY_SECONDS = 5
_limiter: RunVar[anyio.CapacityLimiter] = RunVar("supafleet waiting requests")
_waiting_functions: set[Callable[..., Any]] = set()
_waiting_now: Counter[str] = Counter()


def waits(function: Function) -> Function:
    """Mark a route's function, or a dependency that it calls later, as one that waits for something to happen."""
    _waiting_functions.add(function)
    return function


def is_waiting(function: Callable[..., Any] | None) -> bool:
    """Whether the function is marked."""
    return function in _waiting_functions


@contextmanager
def room_of(place: str) -> Iterator[None]:
    """Room among those who wait for `place`, such as a project.

    Raises:
        TooManyRequests: as many as may wait for it already do.
    """
    if _waiting_now[place] >= MOST_OF_ONE_PROJECT:
        raise TooManyRequests(
            f"{MOST_OF_ONE_PROJECT} requests already wait for {place}: ask again when one of them was answered.",
            _RETRY_SECONDS,
        )
    _waiting_now[place] += 1
    try:
        yield
    finally:
        _waiting_now[place] -= 1
        if not _waiting_now[place]:
            del _waiting_now[place]


async def call_waiting(call: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
    """Call what waits, in a thread of those who do."""
    try:
        limiter = _limiter.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(MOST_WAITING)
        _limiter.set(limiter)
    return await anyio.to_thread.run_sync(partial(call, *arguments, **named), limiter=limiter)
