"""How often the API may be asked, and which pages of other origins may ask it."""

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import ValidationError
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from supafleet import app as app_module
from supafleet.addresses import block_of
from supafleet.app import create_app
from supafleet.jobs.fake import RecordingJobEngine
from supafleet.rate_limits import RateLimits, is_limited
from supafleet.settings import Settings
from tests.integration.api.conftest import serve

ORIGIN = "https://studio.example.com"


class Door:
    """The middleware alone, in front of an application that lets everybody in, with a clock of our own."""

    def __init__(self, **limits: int) -> None:
        self.now = 6000.0
        self._limits = RateLimits(self._app, clock=lambda: self.now, **{"per_token": 0, "per_address": 0, **limits})

    def knock(self, caller: str | None = "a", address: str = "192.0.2.1", path: str = "/v1/projects") -> dict[str, Any]:
        """The status, the three official headers and Retry-After."""
        told: list[Message] = []

        async def send(message: Message) -> None:
            told.append(message)

        headers = [] if caller is None else [(b"authorization", f"Bearer {caller}".encode())]
        scope = {"type": "http", "path": path, "headers": headers, "client": (address, 1)}
        asyncio.run(self._limits(scope, None, send))  # type: ignore[arg-type]
        return {"status": told[0]["status"], **{name.decode(): value.decode() for name, value in told[0]["headers"]}}

    async def _app(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        # In pieces, as a stream comes.
        for is_more in (True, True, False):
            await send({"type": "http.response.body", "body": b"", "more_body": is_more})


def test_a_token_has_its_requests_and_then_waits_for_the_next_minute() -> None:
    door = Door(per_token=2)
    door.now += 15
    assert [door.knock()["x-ratelimit-remaining"] for _ in range(2)] == ["1", "0"]
    refused = door.knock()
    assert refused == {
        "status": 429,
        "content-type": "application/json",
        "content-length": refused["content-length"],
        "retry-after": "45",
        "x-ratelimit-limit": "2",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "45",
    }
    assert door.knock(caller="b")["status"] == 200, "another token has its own"
    assert door.knock(caller=None)["status"] == 200
    door.now += 45
    assert door.knock()["x-ratelimit-remaining"] == "1"


def test_an_address_is_counted_whatever_the_token() -> None:
    door = Door(per_token=100, per_address=3)
    statuses = [door.knock(caller=str(number))["status"] for number in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert door.knock(address="192.0.2.2")["status"] == 200
    assert [door.knock(address=f"2001:db8::{number}")["status"] for number in range(4)] == [200, 200, 200, 429]


def test_the_tightest_budget_is_told() -> None:
    door = Door(per_token=10, per_address=3)
    assert door.knock()["x-ratelimit-limit"] == "3"
    assert Door(per_token=2, per_address=3).knock()["x-ratelimit-limit"] == "2"


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/readyz", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json", "/static-offline-docs/x.js"],
)
def test_what_is_not_limited(path: str) -> None:
    door = Door(per_token=1, per_address=1)
    assert [door.knock(path=path) for _ in range(3)] == [{"status": 200}] * 3


def test_zero_is_no_limit() -> None:
    door = Door()
    assert [door.knock() for _ in range(3)] == [{"status": 200}] * 3


def test_what_is_remembered_is_of_one_minute() -> None:
    door = Door(per_token=5, per_address=5)
    for number in range(50):
        door.knock(caller=str(number), address=f"192.0.2.{number}")
    door.now += 60
    door.knock()
    assert len(door._limits._counts) == 2


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:1:aaaa::1", "2001:db8:0:1::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_what_counts_as_one_place(address: str, block: str) -> None:
    assert block_of(address) == block


@pytest.fixture
def client(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """An installation with a limit of three, and one origin that may ask."""
    monkeypatch.setattr(app_module, "build_job_engine", lambda *_: RecordingJobEngine())
    limited = settings.model_copy(update={"rate_limit_per_token": 3, "cors_origins": [ORIGIN]})
    yield from serve(create_app(limited), limited)


def test_the_api_refuses_in_its_own_form(client: TestClient) -> None:
    remaining = [client.get("/v1/profile").headers["x-ratelimit-remaining"] for _ in range(3)]
    # The minute may have ended between two of them.
    assert remaining[0] == "2"
    answers = [client.get("/v1/profile", headers={"Origin": ORIGIN}) for _ in range(5)]
    refused = answers[-1]
    assert refused.status_code == 429
    assert refused.json().keys() == {"message"}
    assert refused.json()["message"].startswith("Too many requests: 3 a minute are allowed; try again in ")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["access-control-allow-origin"] == ORIGIN
    assert refused.headers["x-request-id"]
    assert client.get("/healthz").status_code == 200


def test_pages_of_named_origins_may_ask_and_no_others(client: TestClient) -> None:
    ask = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization,x-client-info"}
    allowed = client.options("/v1/projects", headers={"Origin": ORIGIN, **ask, "Authorization": ""})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert "PATCH" in allowed.headers["access-control-allow-methods"]
    assert "x-client-info" in allowed.headers["access-control-allow-headers"]
    other = client.options("/v1/projects", headers={"Origin": "https://studio.example.com.evil.example", **ask})
    assert other.status_code == 400
    assert "access-control-allow-origin" not in other.headers
    plain = client.get("/fleet/runs", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in plain.headers
    shown = client.get("/fleet/runs", headers={"Origin": ORIGIN})
    assert "x-ratelimit-remaining" in shown.headers["access-control-expose-headers"]


@pytest.mark.parametrize("origin", ["*", "https://*.example.com", "studio.example.com", "https://a.example/", "null"])
def test_an_origin_that_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError, match="must name each origin as https://host"):
        Settings(cors_origins=[origin])


def test_origins_stand_in_the_environment_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPAFLEET_CORS_ORIGINS", f"{ORIGIN}, http://localhost:3000")
    assert Settings().cors_origins == [ORIGIN, "http://localhost:3000"]


def test_the_document_tells_that_a_request_may_be_one_too_many(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert all("429" in operation["responses"] for operation in paths["/v1/projects"].values())
    without = {path for path, verbs in paths.items() for verb in verbs.values() if "429" not in verb["responses"]}
    assert without == {"/healthz", "/readyz"}


def test_every_route_but_the_probes_and_the_document_is_limited(client: TestClient) -> None:
    app = cast(FastAPI, client.app)
    paths = {route.path for route in app.routes if isinstance(route, Route)}
    assert {"/profile", "/organizations", "/fleet/projects", "/profile/password-check"} <= paths
    unlimited = {path for path in paths if not is_limited(path)}
    assert unlimited == {"/healthz", "/readyz", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"}


def test_a_stream_is_one_request() -> None:
    door = Door(per_token=2)
    told = door.knock(path="/fleet/runs/1/events")
    assert told["x-ratelimit-remaining"] == "1"
    assert door.knock()["x-ratelimit-remaining"] == "0"
