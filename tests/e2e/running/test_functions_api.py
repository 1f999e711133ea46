"""Functions, their secrets and API keys, changed through the official API, used through the gateway."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.e2e import docker_eyes
from tests.e2e.live_service import LiveService
from tests.e2e.running.conftest import LiveProject, describe

pytestmark = pytest.mark.docker

ENTRY = "supabase/functions/hello/index.ts"
SHARED = "supabase/functions/_shared/words.ts"
CODE = """
import { greet } from "../_shared/words.ts";
Deno.serve((request) => Response.json({
  said: greet("VERSION"),
  secret: Deno.env.get("my_secret") ?? null,
  hidden: Deno.env.get("JWT_SECRET") ?? Deno.env.get("FUNCTION_SECRETS") ?? null,
}));
"""
WORDS = "export const greet = (word: string) => `Hello ${word}`;\n"
MAPPED_ENTRY = "supabase/functions/mapped/index.ts"
MAPPED_MAP = "supabase/functions/mapped/deno.json"
MAPPED_CODE = """
import { greet } from "words";
Deno.serve(() => Response.json({ said: greet("map") }));
"""
SECRET = 'two lines:\n it\'s $HOME \\ "quoted" é'


@pytest.fixture(scope="module")
def project(service: LiveService) -> Iterator[LiveProject]:
    ref = service.create("Functions")
    found = service.wait(ref, "ACTIVE_HEALTHY", "INIT_FAILED")
    assert found["status"] == "ACTIVE_HEALTHY", found["status_reason"]
    yield describe(service, ref)
    service.delete(ref)


@pytest.fixture
def api(service: LiveService, project: LiveProject) -> Iterator[httpx.Client]:
    """The official API, below the project."""
    headers = {"Authorization": f"Bearer {service.token}"}
    with httpx.Client(base_url=f"{service.url}/v1/projects/{project.ref}", headers=headers, timeout=300) as client:
        yield client


def deploy(api: httpx.Client, version: str, **metadata: Any) -> dict[str, Any]:
    parts: list[Any] = [
        ("file", (ENTRY, CODE.replace("VERSION", version))),
        ("file", (SHARED, WORDS)),
        ("metadata", (None, json.dumps({"entrypoint_path": ENTRY, "name": "hello", **metadata}))),
    ]
    answer = api.post("/functions/deploy", params={"slug": "hello"}, files=parts)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def call(project: LiveProject, token: str | None = None, name: str = "hello", **headers: str) -> httpx.Response:
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.post(f"{project.url}/functions/v1/{name}", headers=headers, timeout=60)


def rest(project: LiveProject, key: str, path: str = "/rest/v1/rpc/nothing") -> int:
    return httpx.get(f"{project.url}{path}", headers={"apikey": key}, timeout=30).status_code


def ids(project: LiveProject) -> dict[str, str]:
    return {name: str(one["Id"]) for name, one in docker_eyes.containers(project.ref).items()}


def last_run(service: LiveService, project: LiveProject) -> dict[str, Any]:
    return service.runs(project.ref)[0]


def test_a_function_is_deployed_called_changed_and_deleted(
    service: LiveService, project: LiveProject, api: httpx.Client
) -> None:
    assert call(project).status_code == 404
    before = ids(project)
    deploy(api, "one")
    refused = call(project).json()
    assert refused == {
        "code": "UNAUTHORIZED_NO_AUTH_HEADER",
        "message": "Missing authorization header",
        "msg": "Missing authorization header",
    }
    assert call(project, project.anon_key).json() == {"said": "Hello one", "secret": None, "hidden": None}

    # The next version answers at once, without a container that was touched; here it asks for no token.
    deploy(api, "two", verify_jwt=False)
    assert call(project).json()["said"] == "Hello two"
    assert ids(project) == before

    answer = api.post("/secrets", json=[{"name": "my_secret", "value": SECRET}, {"name": "PATH", "value": "/odd"}])
    assert (answer.status_code, answer.content) == (201, b""), answer.text
    assert call(project).json() == {"said": "Hello two", "secret": SECRET, "hidden": None}
    after = ids(project)
    assert {name for name in after if after[name] != before[name]} == {"functions"}
    assert SECRET not in (project.root / "compose.yml").read_text()
    answer = api.request("DELETE", "/secrets", json=["my_secret", "PATH"])
    assert (answer.status_code, answer.content) == (200, b"")
    assert call(project).json()["secret"] is None

    # A run that has nothing to do with functions leaves them as they are.
    with service.client() as fleet:
        assert fleet.post(f"/fleet/projects/{project.ref}/restart", json={"services": ["imgproxy"]}).status_code == 200
    service.wait(project.ref, "ACTIVE_HEALTHY")
    assert call(project).json()["said"] == "Hello two"

    answer = api.delete("/functions/hello")
    assert (answer.status_code, answer.content) == (200, b"")
    assert call(project).status_code == 404
    assert [path.name for path in (project.root / "functions" / ".deployed").iterdir()] == ["index.json"]


def test_a_bare_specifier_is_found_through_the_import_map(project: LiveProject, api: httpx.Client) -> None:
    metadata = {"entrypoint_path": MAPPED_ENTRY, "import_map_path": MAPPED_MAP, "name": "mapped", "verify_jwt": False}
    parts: list[Any] = [
        ("file", (MAPPED_ENTRY, MAPPED_CODE)),
        ("file", (SHARED, WORDS)),
        ("file", (MAPPED_MAP, json.dumps({"imports": {"words": "../_shared/words.ts"}}))),
        ("metadata", (None, json.dumps(metadata))),
    ]
    answer = api.post("/functions/deploy", params={"slug": "mapped"}, files=parts)
    assert answer.status_code == 201, answer.text
    assert answer.json()["import_map"] is True
    answer = call(project, name="mapped")
    assert (answer.status_code, answer.json()) == (200, {"said": "Hello map"})
    assert api.delete("/functions/mapped").status_code == 200


def test_opaque_keys_work_until_they_are_deleted(project: LiveProject, api: httpx.Client) -> None:
    def make(kind: str) -> dict[str, Any]:
        answer = api.post("/api-keys", params={"reveal": "true"}, json={"type": kind, "name": f"{kind}_one"})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    # What is asked for at the same time is applied at the same time.
    kinds = ("publishable", "secret")
    with ThreadPoolExecutor(len(kinds)) as hands:
        made = dict(zip(kinds, hands.map(make, kinds), strict=True))
    # Only the service role may read the description of the data API; a table that is not there is 404 to both.
    assert rest(project, made["secret"]["api_key"], "/rest/v1/") == 200
    assert rest(project, made["publishable"]["api_key"], "/rest/v1/") == 403
    assert rest(project, made["publishable"]["api_key"]) == 404
    assert rest(project, made["secret"]["api_key"], "/storage/v1/bucket") == 200
    deploy(api, "keys", verify_jwt=True)
    assert call(project, made["publishable"]["api_key"]).json()["said"] == "Hello keys"

    # Without the legacy keys the project goes on with keys of its own.
    answer = api.put("/api-keys/legacy", params={"enabled": "false"})
    assert (answer.status_code, answer.json()) == (200, {"enabled": False})
    for key in (project.anon_key, project.service_role_key):
        assert rest(project, key, "/rest/v1/") == 401
    assert call(project, project.service_role_key).status_code == 401
    assert rest(project, made["secret"]["api_key"], "/rest/v1/") == 200
    assert {key["name"] for key in api.get("/api-keys").json()} == {"publishable_one", "secret_one"}

    with ThreadPoolExecutor(len(kinds)) as hands:
        deleted = hands.map(lambda key: api.delete(f"/api-keys/{key['id']}").status_code, made.values())
        assert set(deleted) == {200}
    for key in made.values():
        assert rest(project, key["api_key"], "/rest/v1/") == 401
    assert api.put("/api-keys/legacy", params={"enabled": "true"}).json() == {"enabled": True}
    assert rest(project, project.service_role_key, "/rest/v1/") == 200
    assert rest(project, made["secret"]["api_key"], "/rest/v1/") == 401


def test_nothing_of_it_shows_in_events(service: LiveService, project: LiveProject, api: httpx.Client) -> None:
    secret = "sentinel-of-a-function-secret"
    api.post("/secrets", json=[{"name": "SENTINEL", "value": secret}]).raise_for_status()
    made = api.post("/api-keys", params={"reveal": "true"}, json={"type": "secret", "name": "sentinel"}).json()
    run = last_run(service, project)
    assert (run["kind"], run["status"]) == ("project_converge", "succeeded")
    with service.client() as fleet:
        told = fleet.get(f"/fleet/projects/{project.ref}").text
        for one in service.runs(project.ref):
            with fleet.stream("GET", f"/fleet/runs/{one['id']}/events") as events:
                told += "".join(events.iter_text())
    for value in (secret, made["api_key"]):
        assert value not in told
        assert value not in service.log.read_text()
        assert value not in (project.root / "compose.yml").read_text()
    assert docker_eyes.containers(project.ref)["functions"]["State"]["Health"]["Status"] == "healthy"
