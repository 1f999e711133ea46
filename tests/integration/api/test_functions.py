"""Edge functions through the API, with scripted playbooks."""

import json
from typing import Any

import pytest

from supafleet.functions.multipart import boundary_of, parse
from supafleet.runner.fake import FakeLauncher, fails_on
from tests.integration.api.conftest import Api
from tests.integration.api.test_lifecycle import wait_for, wait_until_gone

CODE = b"Deno.serve(() => new Response('one'))\r\n--not a boundary\n\x00\xff"
OTHER_CODE = b"Deno.serve(() => new Response('two'))\n"
ENTRY = "supabase/functions/hello/index.ts"
METADATA = {"entrypoint_path": ENTRY, "import_map_path": "", "static_patterns": [], "name": "hello"}


@pytest.fixture
def ref(live_api: Api) -> str:
    name = live_api.create()["ref"]
    assert wait_for(live_api, name, "ACTIVE_HEALTHY", "INIT_FAILED")["status"] == "ACTIVE_HEALTHY"
    return str(name)


def send(api: Api, ref: str, parts: list[Any], **query: str) -> Any:
    return api.client.post(f"/v1/projects/{ref}/functions/deploy", params=query, files=parts)


def deploy(api: Api, ref: str, slug: str = "hello", code: bytes = CODE, **extra: Any) -> Any:
    bundle_only = {"bundleOnly": "true"} if extra.pop("bundle_only", False) else {}
    parts = [("file", (ENTRY, code)), ("metadata", (None, json.dumps({**METADATA, **extra})))]
    return send(api, ref, parts, slug=slug, **bundle_only)


def index_of(launcher: FakeLauncher) -> dict[str, Any]:
    functions = launcher.requests[-1].functions
    assert functions is not None
    index: dict[str, Any] = json.loads(functions.index)
    return index


def converges(api: Api, ref: str) -> int:
    runs = api.client.get("/fleet/runs", params={"project": ref}).json()
    return sum(run["kind"] == "project_converge" for run in runs)


def test_a_function_is_deployed_changed_and_deleted(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    path = f"/v1/projects/{ref}/functions"
    assert live_api.client.get(path).json() == []
    answer = deploy(live_api, ref)
    assert answer.status_code == 201, answer.text
    function = answer.json()
    assert isinstance(function["created_at"], int)
    assert function["created_at"] > 1_600_000_000_000
    assert function == {
        "id": function["id"],
        "slug": "hello",
        "name": "hello",
        "status": "ACTIVE",
        "version": 1,
        "created_at": function["created_at"],
        "updated_at": function["updated_at"],
        "verify_jwt": True,
        "import_map": False,
        "entrypoint_path": f"file:///tmp/user_fn_{ref}_{function['id']}_1/source/{ENTRY}",
        "ezbr_sha256": function["ezbr_sha256"],
    }
    assert live_api.client.get(f"{path}/hello").json() == function
    assert live_api.client.get(path).json() == [function]
    sent = launcher.requests[-1].functions
    folder = index_of(launcher)["hello"]["folder"]
    assert folder.startswith("hello-")
    assert sent is not None
    assert sent.files == {f"{folder}/{ENTRY}": CODE}

    changed = deploy(live_api, ref, code=OTHER_CODE, verify_jwt=False).json()
    assert (changed["id"], changed["version"], changed["verify_jwt"]) == (function["id"], 2, False)
    assert changed["created_at"] == function["created_at"]
    assert changed["ezbr_sha256"] != function["ezbr_sha256"]
    entry = index_of(launcher)["hello"]
    assert (entry["folder"] != folder, entry["verify_jwt"], entry["entrypoint"]) == (True, False, ENTRY)

    # What the client does not say stays; what is the same needs no run.
    before = converges(live_api, ref)
    again = deploy(live_api, ref, code=OTHER_CODE).json()
    assert (again["version"], again["verify_jwt"], converges(live_api, ref)) == (3, False, before)

    answer = live_api.client.delete(f"{path}/hello")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert "content-type" not in answer.headers
    assert index_of(launcher) == {}
    assert live_api.client.get(f"{path}/hello").json() == {"message": "Function 'hello' does not exist."}
    assert live_api.client.delete(f"{path}/hello").status_code == 404


@pytest.mark.parametrize(
    "parts",
    [
        # CLI: files first, the metadata a field; MCP: the metadata first, as a file; Terraform: base names.
        [("file", (ENTRY, CODE)), ("metadata", (None, json.dumps(METADATA)))],
        [
            ("metadata", ("blob", json.dumps({"entrypoint_path": "index.ts", "name": "hello"}), "application/json")),
            ("file", ("index.ts", CODE, "application/typescript")),
        ],
        [
            ("file", ("index.ts", CODE, "application/octet-stream")),
            ("file", ("import_map.json", b"{}", "application/octet-stream")),
            (
                "metadata",
                (
                    None,
                    json.dumps(
                        {"entrypoint_path": "index.ts", "import_map_path": "import_map.json", "static_patterns": []}
                    ),
                ),
            ),
        ],
    ],
    ids=["cli", "mcp", "terraform"],
)
def test_what_the_three_uploaders_send_is_taken(live_api: Api, ref: str, parts: list[Any]) -> None:
    answer = send(live_api, ref, parts, slug="hello")
    assert answer.status_code == 201, answer.text
    function = answer.json()
    assert (function["slug"], function["name"], function["version"]) == ("hello", "hello", 1)
    assert function["import_map"] is (len(parts) == 3)


def test_several_functions_are_bundled_and_then_switched_at_once(
    live_api: Api, launcher: FakeLauncher, ref: str
) -> None:
    deploy(live_api, ref, slug="one")
    path = f"/v1/projects/{ref}/functions"
    requests = len(launcher.requests)
    bundled = [deploy(live_api, ref, slug=slug, code=OTHER_CODE, bundle_only=True) for slug in ("one", "two")]
    assert [answer.status_code for answer in bundled] == [201, 201]
    assert len(launcher.requests) == requests
    assert [function["slug"] for function in live_api.client.get(path).json()] == ["one"]
    updates = [answer.json() for answer in bundled]
    assert [update["version"] for update in updates] == [2, 1]

    wrong = [updates[0], {**updates[1], "ezbr_sha256": "0" * 64}]
    refused = live_api.client.put(path, json=wrong)
    assert (refused.status_code, refused.json()["message"]) == (
        422,
        "1.ezbr_sha256: must be that of code of 'two' deployed with bundleOnly=true",
    )
    assert live_api.client.get(f"{path}/one").json()["version"] == 1

    answer = live_api.client.put(path, json=updates)
    assert (answer.status_code, set(answer.json())) == (200, {"functions"})
    assert [(one["slug"], one["version"]) for one in answer.json()["functions"]] == [("one", 2), ("two", 1)]
    assert len(launcher.requests) == requests + 1
    assert set(index_of(launcher)) == {"one", "two"}
    sent = launcher.requests[-1].functions
    assert sent is not None
    assert set(sent.files.values()) == {OTHER_CODE}


def test_code_is_given_back_as_it_came(live_api: Api, ref: str) -> None:
    shared = 'supabase/functions/_shared/odd "name".ts'
    parts = [
        ("file", (ENTRY, CODE)),
        ("file", (shared, OTHER_CODE)),
        ("metadata", (None, json.dumps(METADATA))),
    ]
    assert send(live_api, ref, parts, slug="hello").status_code == 201
    answer = live_api.client.get(f"/v1/projects/{ref}/functions/hello/body", headers={"Accept": "multipart/form-data"})
    assert answer.status_code == 200
    given = parse(answer.content, boundary_of(answer.headers["content-type"]))
    assert [part.name for part in given] == ["metadata", "file", "file"]
    assert json.loads(given[0].content) == {"deno2_entrypoint_path": f"file:///source/{ENTRY}"}
    assert {part.filename: part.content for part in given[1:]} == {
        f"source/{shared}": OTHER_CODE,
        f"source/{ENTRY}": CODE,
    }
    assert live_api.client.get(f"/v1/projects/{ref}/functions/nothing/body").status_code == 404


@pytest.mark.parametrize(
    ("name", "metadata", "query", "sentence"),
    [
        ("../../../etc/passwd", {}, {}, "file: '../../../etc/passwd' must be a relative path without '..'"),
        ("a/../../b", {}, {}, "file: 'a/../../b' must be a relative path without '..'"),
        ("/etc/cron.d/x", {}, {}, "file: '/etc/cron.d/x' must be a relative path without '..'"),
        ("..\\x", {}, {}, "file: '..\\x' must be a relative path without '..'"),
        ("index.ts", {}, {}, f"metadata.entrypoint_path: '{ENTRY}' must be one of the files"),
        (ENTRY, {"entrypoint_path": ""}, {}, "metadata.entrypoint_path: '' must be a relative path without '..'"),
        (ENTRY, {"import_map_path": "x.json"}, {}, "metadata.import_map_path: 'x.json' must be one of the files"),
        (ENTRY, {"verify_jwt": "maybe"}, {}, "metadata: verify_jwt: must be true or false"),
        (ENTRY, {"static_patterns": ["../*"]}, {}, "metadata.static_patterns: '../*' must be a relative path"),
        (ENTRY, {}, {"slug": "no spaces"}, "slug: must be 1 to 64 letters, digits, hyphens and underscores"),
        (ENTRY, {}, {"slug": "main"}, "slug: may not be main"),
        (ENTRY, {"name": "Ein Name"}, {"slug": ""}, "slug: must be 1 to 64 letters"),
        (ENTRY, {"name": "a\nb"}, {}, "metadata: name: must be 1 to 128 printable characters"),
    ],
)
def test_a_bad_deployment_is_refused_with_one_sentence(
    api: Api, name: str, metadata: dict[str, Any], query: dict[str, str], sentence: str
) -> None:
    ref = api.create()["ref"]
    parts = [("file", (name, CODE)), ("metadata", (None, json.dumps({**METADATA, **metadata})))]
    answer = send(api, ref, parts, **{"slug": "hello", **query})
    assert answer.status_code == 422, answer.text
    assert set(answer.json()) == {"message"}
    assert answer.json()["message"].startswith(sentence)
    assert api.client.get(f"/v1/projects/{ref}/functions").json() == []


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ([("metadata", (None, json.dumps(METADATA)))], "file: is required"),
        ([("file", (ENTRY, CODE))], "metadata: is required"),
        ([("file", (ENTRY, CODE)), ("metadata", (None, "{"))], "metadata: "),
        ([("file", (ENTRY, CODE)), ("file", (f"./{ENTRY}", CODE))], f"file: '{ENTRY}' is there twice"),
        (
            [("file", ("a", CODE)), ("file", ("a/b", CODE)), ("metadata", (None, '{"entrypoint_path": "a"}'))],
            "file: 'a'",
        ),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(api: Api, parts: list[Any], sentence: str) -> None:
    answer = send(api, api.create()["ref"], parts, slug="hello")
    assert answer.status_code == 422, answer.text
    assert answer.json()["message"].startswith(sentence)


def test_another_body_and_too_much_of_it_are_refused(api: Api) -> None:
    path = f"/v1/projects/{api.create()['ref']}/functions/deploy"
    for headers, content in (
        ({"Content-Type": "application/json"}, b"{}"),
        ({"Content-Type": "multipart/form-data"}, b"--x--"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\nno end"),
    ):
        answer = api.client.post(path, params={"slug": "a"}, headers=headers, content=content)
        assert (answer.status_code, answer.json()["message"][:5]) == (422, "body:"), answer.text
    parts = [("file", (ENTRY, b"x" * (20 * 1024 * 1024 + 1)))]
    answer = api.client.post(path, params={"slug": "a"}, files=parts)
    assert (answer.status_code, answer.json()) == (
        413,
        {"message": "file: a function may have at most 20 MB of code."},
    )


def test_bundles_of_the_client_are_not_taken(api: Api) -> None:
    path = f"/v1/projects/{api.create()['ref']}/functions"
    headers = {"Content-Type": "application/vnd.denoland.eszip"}
    for answer in (
        api.client.post(path, params={"slug": "a"}, content=b"EZBR", headers=headers),
        api.client.patch(f"{path}/a", content=b"EZBR", headers=headers),
    ):
        assert answer.status_code == 501
        assert answer.json()["message"].startswith("Bundles made on the client (eszip) are not taken: ")


def test_a_deployment_that_is_not_applied_says_so_and_a_paused_project_takes_it_later(
    live_api: Api, launcher: FakeLauncher, ref: str
) -> None:
    launcher.scripts["project_converge"] = fails_on("Unpack", "the edge functions cannot be written to /x: disk full")
    answer = deploy(live_api, ref)
    assert (answer.status_code, answer.json()["message"]) == (
        502,
        "The change is stored but was not applied: the edge functions cannot be written to /x: disk full",
    )
    del launcher.scripts["project_converge"]
    live_api.client.post(f"/v1/projects/{ref}/pause")
    wait_for(live_api, ref, "INACTIVE")
    assert launcher.requests[-1].functions is None
    assert deploy(live_api, ref, code=OTHER_CODE).status_code == 201
    live_api.client.post(f"/v1/projects/{ref}/restore")
    wait_for(live_api, ref, "ACTIVE_HEALTHY")
    sent = launcher.requests[-1].functions
    assert sent is not None
    assert list(sent.files.values()) == [OTHER_CODE]


def test_code_goes_with_its_project(live_api: Api, ref: str) -> None:
    deploy(live_api, ref)
    assert live_api.client.delete(f"/v1/projects/{ref}").status_code == 200
    wait_until_gone(live_api, ref)
    with live_api.engine.connect() as connection:
        for table in ("edge_function", "function_bundle", "function_file"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0, table
