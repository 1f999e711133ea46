"""Which route takes a request: the first of all that fit, however it is found."""

import asyncio
import threading
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import Match
from starlette.types import Scope

from supafleet.app import create_app
from supafleet.routing import Route, RouteIndex, Router, call_blocking


@pytest.fixture(scope="module")
def routes() -> list[APIRoute]:
    """All routes of the service, in their order."""
    return [route for route in create_app().routes if isinstance(route, APIRoute)]


def asked(method: str, path: str) -> Scope:
    return {"type": "http", "method": method, "path": path, "path_params": {}}


def first(routes: list[APIRoute], scope: Scope) -> APIRoute | None:
    return next((route for route in routes if route.matches(scope)[0] == Match.FULL), None)


def test_the_index_finds_what_trying_all_routes_finds(routes: list[APIRoute]) -> None:
    index = RouteIndex(routes)
    for route in routes:
        for method in sorted(route.methods):
            for word in ("abcdefghijklmnopqrst", "snippets", "7"):
                scope = asked(method, "/".join(word if "{" in part else part for part in route.path.split("/")))
                match, found = index.matches(scope)
                expected = first(routes, scope)
                if expected is None:  # a number was wanted
                    assert match == Match.NONE
                else:
                    assert found["route"] is expected, scope


@pytest.mark.parametrize("path", ["/nothing", "/v1/projects/", "/v1//projects", "", "/" * 5000])
def test_the_index_leaves_alone_what_no_route_takes(routes: list[APIRoute], path: str) -> None:
    assert RouteIndex(routes).matches(asked("GET", path)) == (Match.NONE, {})
    assert RouteIndex(routes).matches(asked("LOOK", "/v1/projects")) == (Match.NONE, {})


def test_fixed_words_win_over_parameters_and_what_is_built_over_refusals(routes: list[APIRoute]) -> None:
    def operation(method: str, path: str) -> str | None:
        return getattr(RouteIndex(routes).matches(asked(method, path))[1].get("route"), "operation_id", None)

    assert operation("GET", "/v1/projects/available-regions") == "v1-get-available-regions"
    assert operation("GET", "/v1/projects/abcdefghijklmnopqrst") == "v1-get-project"
    built = [route for route in routes if route.include_in_schema]
    refused = [route for route in routes if not route.include_in_schema]
    assert refused
    assert {(tuple(route.methods), route.path_format) for route in built}.isdisjoint(
        (tuple(route.methods), route.path_format) for route in refused
    )


def test_an_index_serves_refuses_and_redirects_like_the_framework() -> None:
    router = Router("/things")

    @router.get("/{number}")
    def get_thing(number: int) -> dict[str, int]:
        return {"number": number}

    plain, indexed = FastAPI(), FastAPI()
    plain.router.routes += router.routes
    indexed.router.routes += [RouteIndex(router.routes), *router.routes]
    for method, path in (("GET", "/things/7"), ("GET", "/things/x"), ("PUT", "/things/7"), ("GET", "/things/7/")):
        with TestClient(plain, follow_redirects=False) as one, TestClient(indexed, follow_redirects=False) as other:
            expected, answer = one.request(method, path), other.request(method, path)
        assert (answer.status_code, answer.content) == (expected.status_code, expected.content), path


def test_a_parameter_of_several_words_has_no_place() -> None:
    route = Route("/files/{name:path}", lambda: None)
    with pytest.raises(ValueError, match="several words"):
        RouteIndex([route])


def test_an_answer_that_is_not_as_declared_is_never_sent() -> None:
    router = Router()

    @router.get("/", response_model=int)
    def get_word() -> str:
        return "secret"

    app = FastAPI()
    app.router.routes += router.routes
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_a_request_that_reads_goes_through_one_thread() -> None:
    router = Router()
    threads: list[int] = []

    async def look_up() -> None:
        await call_blocking(lambda: threads.append(threading.get_ident()))

    @router.get("/", dependencies=[Depends(look_up)])
    def get_nothing() -> None:
        threads.append(threading.get_ident())

    app = FastAPI()
    app.router.routes += router.routes

    @app.get("/loop")
    async def get_loop() -> int:
        return threading.get_ident()

    with TestClient(app) as client:
        assert client.get("/").json() is None
        loop = client.get("/loop").json()
    assert len(threads) == 2
    assert len(set(threads)) == 1
    assert threads[0] != loop


def test_what_waits_for_its_body_may_and_what_reads_may_not() -> None:
    router = Router()

    async def wait(request: Request) -> bytes:
        await asyncio.sleep(0)
        return await request.body()

    @router.get("/")
    @router.post("/")
    def answer(body: Annotated[bytes, Depends(wait)]) -> str:
        return body.decode()

    app = FastAPI()
    app.router.routes += router.routes
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.post("/", content=b"word").json() == "word"
        assert client.get("/").status_code == 500


def test_refusals_come_out_of_the_thread_as_they_are() -> None:
    router = Router()

    async def refuse() -> None:
        raise HTTPException(status_code=418, detail="no")

    @router.get("/{number}", dependencies=[Depends(refuse)])
    def get_number(number: int) -> int:
        return number

    app = FastAPI()
    app.router.routes += router.routes
    with TestClient(app) as client:
        assert client.get("/x").status_code == 418
