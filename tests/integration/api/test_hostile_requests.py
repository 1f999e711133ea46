"""Requests that no client would send: none of them breaks the service, hangs, or is answered with its insides."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from supafleet.project_config import service as project_config
from supafleet.projects import configuration
from supafleet.projects import offers_router as offers
from tests.integration.api.conftest import Api

_MEBIBYTE = 1024 * 1024
#: These stream what happens on a Docker host, or wait for a look at all of them.
_ABOUT_HOSTS = ("/logs", "/events")
_WAITS_FOR_HOSTS = ("/fleet/doctor",)


@pytest.fixture
def patient_api(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The API; nothing is ever applied, and no change waits for it."""
    for module in (configuration, project_config.configuration, offers.configuration):
        monkeypatch.setattr(module, "wait_until_applied", lambda *_: None)
    return api


def check(answer: httpx.Response) -> None:
    """What holds for every answer."""
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    assert "Traceback" not in answer.text
    assert 'File "' not in answer.text
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        assert answer.json().keys() == {"message"}, answer.text
        assert "\n" not in answer.json()["message"]


def places(ref: str) -> list[tuple[str, str]]:
    return [
        ("POST", "/v1/projects"),
        ("POST", "/v1/organizations"),
        ("PATCH", f"/v1/projects/{ref}"),
        ("PATCH", f"/v1/projects/{ref}/config/auth"),
        ("PATCH", f"/v1/projects/{ref}/postgrest"),
        ("PUT", f"/v1/projects/{ref}/config/database/postgres"),
        ("POST", f"/v1/projects/{ref}/network-restrictions/apply"),
        ("DELETE", f"/v1/projects/{ref}/network-bans"),
        ("PATCH", f"/fleet/projects/{ref}"),
        ("PUT", "/fleet/hosts/another"),
    ]


def test_a_body_that_is_too_large_is_refused_before_it_is_read(api: Api) -> None:
    sentence = {"message": "The body is larger than this service takes."}
    large = json.dumps({"name": "x" * 2 * _MEBIBYTE}).encode()
    headers = {"Content-Type": "application/json"}

    def in_pieces() -> Iterator[bytes]:
        for start in range(0, len(large), 65536):
            yield large[start : start + 65536]

    for method, path in places(api.create()["ref"]):
        for content in (large, in_pieces()):
            answer = api.client.request(method, path, content=content, headers=headers)
            assert (answer.status_code, answer.json()) == (413, sentence), (method, path)
    nearly = api.client.post("/v1/organizations", json={"name": "x" * (_MEBIBYTE - 1000)})
    assert nearly.status_code == 422


STRANGE_BODIES = [
    b"",
    b"{",
    b"[" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b"null",
    b"[]",
    b'"text"',
    b"\xff\xfe",
    b"\x00",
    b'{"name": NaN, "jwt_exp": Infinity}',
    b'{"name": ' + b"9" * 10_000 + b"}",
    b'{"jwt_exp": 1e999, "max_rows": -0.0}',
    b'{"name": "\\u0000", "organization_slug": "\\u0000", "db_pass": "\\u0000"}',
    b'{"name": "\\ud800", "organization_slug": "\\ud800", "site_url": "\\ud800"}',
    '{"name": "\u202eevil\u2028\U0001f9e8", "site_url": "http://\u0430.example"}'.encode(),
    b'{"settings": {"environment": {"auth": {"A": "\\u0000"}}, "postgres": {"work_mem": "\\n"}}}',
    b'{"settings": {"jwt_expiry": 1' + b"0" * 4000 + b"}}",
    b'{"__proto__": {}, "constructor": [], "$ref": "#"}',
]


def test_a_strange_body_is_a_refusal_in_words(patient_api: Api) -> None:
    kinds = ("application/json", "text/plain", "application/xml", "multipart/form-data", None)
    for method, path in places(patient_api.create()["ref"]):
        for content in STRANGE_BODIES:
            for kind in kinds if content == STRANGE_BODIES[1] else kinds[:1]:
                headers = {} if kind is None else {"Content-Type": kind}
                check(patient_api.client.request(method, path, content=content, headers=headers))


def test_strange_paths_queries_and_headers(patient_api: Api) -> None:
    ref = patient_api.create()["ref"]
    for word in ("%00", "%ff", "%2e%2e%2f", "a" * 5000, "%F0%9F%A7%A8", "{ref}", "'--", "%0d%0aX-Evil:%201", " "):
        for path in (
            f"/v1/projects/{word}",
            f"/v1/projects/{word}/config/auth",
            f"/v1/organizations/{word}/entitlements",
            f"/v1/branches/{word}",
            f"/fleet/projects/{word}",
            f"/fleet/runs/{word}",
            f"/v1/projects/available-regions?organization_slug={word}",
            f"/v1/projects/{ref}/health?services={word}&timeout_ms=0",
            f"/fleet/runs?project={word}&limit={'9' * 40}",
            f"/v1/projects/{ref}/api-keys?reveal={word}",
        ):
            answer = patient_api.client.get(path)
            check(answer)
            assert answer.status_code != 200 or ref in path or "runs" in path, path
            assert "x-evil" not in answer.headers
    for value in ("Bearer \xff", "Bearer " + "x" * 10_000, "Basic !!", "Bearer sbp_\x00"):
        headers = {"Authorization": value.encode("latin-1")}
        assert patient_api.client.get("/v1/projects", headers=headers).status_code == 401


#: The client cannot encode the forms that are generated for these; test_functions.py sends strange ones.
_UPLOADS = "/functions/deploy"


def test_generated_requests_break_nothing(patient_api: Api) -> None:
    ref = patient_api.create()["ref"]
    document = patient_api.client.get("/openapi.json").json()
    document["servers"] = [{"url": "http://testserver"}]
    strange: list[str] = []
    operations = [result.ok() for result in schemathesis.openapi.from_dict(document).get_all_operations()]
    # What removes the project comes last, for the others to find it.
    for operation in sorted(operations, key=lambda one: one.method == "delete"):
        if operation.path not in _WAITS_FOR_HOSTS and not operation.path.endswith(_UPLOADS):
            strange += _ask(patient_api.client, operation, ref)
    assert sorted(set(strange)) == []


def _ask(client: httpx.Client, operation: Any, ref: str) -> list[str]:
    """Send generated requests to one operation; the answers that its document does not know."""
    declared = {int(code) for code in operation.definition.raw["responses"]} | {400}
    strange: list[str] = []

    @settings(max_examples=4, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        if "ref" in case.path_parameters and not operation.path.endswith(_ABOUT_HOSTS):
            case.path_parameters["ref"] = ref
        words = case.as_transport_kwargs(base_url="http://testserver")
        request = {
            name: value for name, value in words.items() if value is not None and name not in ("data", "cookies")
        }
        if words.get("data") is not None:
            request["content"] = words["data"]
        if operation.path.endswith("/health"):
            request["params"] = {**request.get("params", {}), "timeout_ms": 0}
        for token in ("", client.headers["Authorization"]):
            headers = {**request.get("headers", {}), "Authorization": token}
            answer = client.request(**{**request, "headers": headers})
            check(answer)
            if answer.status_code not in declared:
                strange.append(f"{operation.label}: {answer.status_code} is not declared")

    ask()
    return strange
