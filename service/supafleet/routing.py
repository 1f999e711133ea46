"""Routes as this service has them: found by the words of their paths, and answered out of one thread."""

import asyncio
import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response, params
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from supafleet.waiting import call_waiting, is_waiting, room_of

Answer = TypeVar("Answer")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]

#: Bytes of a body; a router that takes files names its own limit.
LARGEST_BODY = 1024 * 1024


class Route(APIRoute):
    """A route whose plain function is called in a thread, as are its dependencies and the check of its answer.

    FastAPI alone sends a request through a thread for each of them, and every one costs about what a query does.
    """

    def get_route_handler(self) -> Handler:
        """What serves a request."""
        call = _plain_function(self.dependant.call)
        waits = any(is_waiting(one) for one in (call, *(below.call for below in self.dependant.dependencies)))
        if call is not None:
            self.dependant.call = _in_a_thread(call, call_waiting if waits else call_blocking)
        handler = super().get_route_handler()
        if waits:
            handler = _with_room(handler)
        elif self.methods is not None and self.methods <= {"GET"} and call is not None and _never_waits(self.dependant):
            handler = _in_one_thread(handler)  # there is no body to wait for
        return _behind_gates(self.dependant, handler)


class Gate(ABC):
    """A dependency that refuses who may not do this; called again with the same request it has nothing to do."""

    @abstractmethod
    async def __call__(self, request: HTTPConnection) -> Any:
        """Refuse the request or let it through."""


class Router(APIRouter):
    """Routes with a common beginning."""

    def __init__(
        self,
        prefix: str = "",
        *,
        tags: list[str | Enum] | None = None,
        dependencies: Sequence[params.Depends] | None = None,
        responses: dict[int | str, dict[str, Any]] | None = None,
        include_in_schema: bool = True,
        max_body_size: int = LARGEST_BODY,
    ) -> None:
        super().__init__(
            prefix=prefix,
            tags=tags,
            dependencies=dependencies,
            responses=responses,
            include_in_schema=include_in_schema,
            max_body_size=max_body_size,
            route_class=Route,
        )


class RouteIndex(BaseRoute):
    """Finds the first route that takes a request without trying all: it stands before them and knows their paths.

    It leaves alone what no route takes, so that the framework refuses it as ever.
    """

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._root = _Branch()
        for number, route in enumerate(routes):
            if isinstance(route, APIRoute):
                for method in route.methods or ():
                    self._root.at([method, *_words(route.path)]).routes.append((number, route))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a route takes the request, and what its path says then."""
        # A prefix that a proxy took off the path is the framework's to deal with.
        if scope["type"] == "http" and not scope.get("root_path"):
            for route in self._root.find([scope["method"], *scope["path"].split("/")]):
                match, child_scope = route.matches(scope)
                if match == Match.FULL:
                    return match, child_scope
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route that was found serve the request."""
        await scope["route"].handle(scope, receive, send)


@dataclass
class _Branch:
    """Routes whose methods and paths begin with the same words; a parameter is the word None."""

    routes: list[tuple[int, APIRoute]] = field(default_factory=list)
    branches: dict[str | None, "_Branch"] = field(default_factory=dict)

    def at(self, words: Sequence[str | None]) -> "_Branch":
        branch = self
        for word in words:
            branch = branch.branches.setdefault(word, _Branch())
        return branch

    def find(self, words: Sequence[str]) -> list[APIRoute]:
        found = [self]
        for word in words:
            found = [below for one in found for key in (word, None) if (below := one.branches.get(key)) is not None]
            if not found:
                break
        return [route for _, route in sorted(pair for one in found for pair in one.routes)]


def _words(path: str) -> list[str | None]:
    if ":path}" in path:
        raise ValueError(f"{path}: a parameter of several words has no place in the index")
    return [None if "{" in word else word for word in path.split("/")]


async def call_blocking(call: Callable[..., Answer], *arguments: Any, **named: Any) -> Answer:
    """Call what blocks: in a thread, or just so where this is one already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return call(*arguments, **named)
    return await run_in_threadpool(call, *arguments, **named)


def _plain_function(call: Callable[..., Answer] | None) -> Callable[..., Answer] | None:
    """What a route calls, when that is no coroutine and no generator."""
    return None if inspect.iscoroutinefunction(call) or inspect.isgeneratorfunction(call) else call


def _in_a_thread(
    call: Callable[..., Any], calls: Callable[..., Coroutine[Any, Any, Any]]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    @functools.wraps(call)
    async def run(**values: Any) -> Any:
        return await calls(call, **values)

    return run


def _behind_gates(dependant: Dependant, handler: Handler) -> Handler:
    """Nobody's body is read or place taken before the gates: the framework would parse it first."""
    gates = [one.call for one in dependant.dependencies if isinstance(one.call, Gate)]

    async def handle(request: Request) -> Response:
        for gate in gates:
            await gate(request)
        return await handler(request)

    return handle if gates else handler


def _with_room(handler: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        ref = request.path_params.get("ref")
        with room_of(f"the project {ref}" if ref else request.url.path):
            return await handler(request)

    return handle


def _never_waits(dependant: Dependant) -> bool:
    """Whether all dependencies are functions that are asynchronous only because a thread of their own costs more."""
    return all(_is_coroutine_function(one.call) and _never_waits(one) for one in dependant.dependencies)


def _is_coroutine_function(call: Any) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(type(call).__call__)


def _in_one_thread(handler: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        return await run_in_threadpool(_complete, handler(request))

    return handle


def _complete(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """What a coroutine returns that has nothing to wait for: it needs no event loop.

    Raises:
        RuntimeError: it had, which is a defect of ours.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        answer: Answer = end.value
        return answer
    coroutine.close()
    raise RuntimeError("a dependency of a plain function waited for something")
