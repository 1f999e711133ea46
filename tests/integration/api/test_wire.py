"""Rules that hold for every route: tokens, error bodies, declared answers, organizations and probes."""

import inspect
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from supafleet.db import get_session, utc_now
from supafleet.projects import creation
from tests.integration.api.conftest import Api
from tests.official_document import OFFICIAL, has_document

#: What gives tokens can want none.
SIGN_IN_PATHS = {"/auth/token", "/platform/signup"}
OPEN_PATHS = {"/", "/healthz", "/readyz", "/status", "/configcat/configuration-files/{key}/config_v5.json"}


def routes(api: Api) -> list[tuple[str, str]]:
    """Method and path of every operation of the document."""
    paths = api.client.get("/openapi.json").json()["paths"]
    return [(method, path) for path, operations in paths.items() for method in operations]


def test_every_route_but_the_probes_wants_a_token(api: Api) -> None:
    assert len(routes(api)) > 10
    for method, path in routes(api):
        if path in SIGN_IN_PATHS:
            continue
        url = re.sub(r"\{\w+\}", "abc", path)
        for authorization in ("", "Bearer nonsense", f"Bearer sbp_{'0' * 40}", "Basic b3duZXI6cGFzcw=="):
            answer = api.client.request(method, url, headers={"Authorization": authorization})
            if path in OPEN_PATHS:
                assert answer.status_code == 200
            else:
                assert answer.status_code == 401, (method, path)
                assert answer.json().keys() == {"message"}


def test_every_refusal_a_route_can_give_is_declared_with_its_body(api: Api) -> None:
    document = api.client.get("/openapi.json").json()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            codes = set(operation["responses"])
            if path not in OPEN_PATHS | SIGN_IN_PATHS:
                assert "401" in codes, path
                assert operation["security"] == [{"personal_access_token": []}], path
            for code in codes - {"200", "201", "202", "204"}:
                schema = operation["responses"][code]["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorBody"}, (path, code)


#: Documents of JSON that have no shape, and why.
SHAPELESS = {"v1-get-database-openapi": "an OpenAPI document, as the project's own PostgREST writes it"}
#: What is not JSON is told by its media type alone.
OTHER_MEDIA = {"application/x-ndjson", "text/event-stream", "multipart/form-data"}


def test_every_success_is_published_as_it_is_on_the_wire(api: Api) -> None:
    document = api.client.get("/openapi.json").json()
    wrong = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = operation["operationId"]
            for code, answer in operation["responses"].items():
                content = answer.get("content", {})
                if not code.startswith("2"):
                    continue
                if has_no_body(name, code) != (content == {}):
                    wrong.append(f"{method} {path} {code}: {content}")
                for media, told in content.items():
                    if media not in OTHER_MEDIA and name not in SHAPELESS and not has_shape(told.get("schema", {})):
                        wrong.append(f"{method} {path} {code}: {told}")
    assert wrong == []


def has_no_body(operation: str, code: str) -> bool:
    """Whether the answer is empty, which the official document knows of its own operations."""
    return code == "204" or (operation in OFFICIAL and not has_document(operation))


def has_shape(schema: dict[str, Any]) -> bool:
    """Whether the schema says more than that there is something."""
    if not schema.keys() & {"$ref", "properties", "items"}:
        return any(has_shape(one) for one in schema.get("anyOf", []))
    # Each row of a query has columns of its own; what only maps names to one kind of value has none of its own.
    return schema.get("items", {}).get("additionalProperties", True) is True


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({}, False),
        ({"type": "object", "additionalProperties": True}, False),
        ({"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}}, False),
        ({"anyOf": [{"type": "object"}, {"type": "null"}]}, False),
        ({"anyOf": [{"$ref": "#/components/schemas/RunOut"}, {"type": "null"}]}, True),
        ({"type": "array", "items": {"$ref": "#/components/schemas/RunOut"}}, True),
    ],
)
def test_a_shape_is_more_than_a_type(schema: dict[str, Any], told: bool) -> None:
    assert has_shape(schema) == told


def test_what_does_not_exist_is_a_message(api: Api) -> None:
    assert api.client.get("/v1/nothing").json() == {"message": "Nothing is at '/v1/nothing'."}
    wrong = api.client.put("/v1/projects")
    assert (wrong.status_code, wrong.json()) == (405, {"message": "PUT is not allowed at '/v1/projects'."})
    assert api.client.get("/v1/projects/UPPER").status_code == 404


def test_no_origin_is_allowed(api: Api) -> None:
    answer = api.client.get("/v1/projects", headers={"Origin": "https://elsewhere.example.com"})
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_bug_is_a_500_that_names_its_log_line(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError("the client must not read this")

    monkeypatch.setattr(creation, "choose_place", break_down)
    answer = api.client.post("/v1/projects", json=api.body())
    assert answer.status_code == 500
    identity = answer.headers["x-request-id"]
    assert answer.json() == {"message": f"Internal error; see the log with id {identity}."}


def test_a_commit_that_fails_is_not_a_success(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    organization = api.organization

    def fail(_: Session) -> None:
        raise OperationalError("COMMIT", {}, Exception("disk full"))

    with monkeypatch.context() as patch:
        patch.setattr(Session, "commit", fail)
        answer = api.client.post("/v1/projects", json=api.body(organization_slug=organization))
    assert answer.status_code == 500
    assert api.client.get("/v1/projects").json() == []


def test_profile_and_organizations(api: Api) -> None:
    profile = api.client.get("/v1/profile").json()
    assert profile.keys() == {"gotrue_id", "primary_email", "username"}
    assert profile["username"] == "owner"
    created = api.client.post("/v1/organizations", json={"name": "Two {{ 7*6 }}"})
    assert created.status_code == 201
    organization = created.json()
    assert organization.keys() == {"id", "slug", "name"}
    assert organization["id"] == organization["slug"]
    assert re.fullmatch("[a-z]{20}", organization["slug"])
    assert organization in api.client.get("/v1/organizations").json()
    refused = api.client.post("/v1/organizations", json={"name": "\n"})
    assert (refused.status_code, refused.json()["message"].partition(":")[0]) == (422, "name")


def test_use_of_a_token_is_noted_at_most_once_a_minute(api: Api) -> None:
    def used() -> object:
        with api.engine.connect() as connection:
            return connection.execute(text("SELECT last_used_at FROM access_token")).scalar_one()

    api.client.get("/v1/profile")
    first = used()
    assert first is not None
    api.client.get("/v1/profile")
    assert used() == first
    with api.engine.begin() as connection:
        earlier = utc_now() - timedelta(minutes=2)
        connection.execute(text("UPDATE access_token SET last_used_at = :at"), {"at": earlier.isoformat(" ")})
    api.client.get("/v1/profile")
    assert used() not in (first, earlier)


def test_probes(api: Api) -> None:
    assert api.client.get("/healthz").json() == {"status": "ok"}
    assert api.client.get("/readyz").json() == {"status": "ok"}


def test_creates_at_the_same_time_take_different_ports_and_names(api: Api) -> None:
    organization = api.organization
    bodies = [api.body(name=f"P{number // 2}", organization_slug=organization) for number in range(12)]
    with ThreadPoolExecutor(max_workers=6) as pool:
        answers = list(pool.map(lambda body: api.client.post("/v1/projects", json=body), bodies))
    assert sorted(answer.status_code for answer in answers) == [201] * 6 + [409] * 6
    fleet = api.client.get("/fleet/projects").json()
    assert sorted(project["gateway_port"] for project in fleet) == list(range(24321, 24327))
    assert len({project["subnet"] for project in fleet}) == 6


def test_what_uses_a_session_is_synchronous(api: Api) -> None:
    # It blocks on the database, so it belongs into a thread.
    routes = [route for route in api.app.routes if isinstance(route, APIRoute)]
    using = [route for route in routes if get_session in [one.call for one in route.dependant.dependencies]]
    assert using
    assert [route.path for route in using if inspect.iscoroutinefunction(route.endpoint)] == []
