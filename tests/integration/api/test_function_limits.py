"""What one project may keep as edge functions, and what one request may ask of them."""

import asyncio
import json
from typing import Any

import pytest

from supafleet.functions import multipart, service, upload
from supafleet.functions.multipart import Part
from supafleet.projects import configuration
from tests.integration.api.conftest import Api
from tests.integration.api.test_functions import deploy, send

_MEBIBYTE = 1024 * 1024
MOST = "a project may have at most 2 functions, those deployed with bundleOnly counted."


@pytest.fixture
def ref(api: Api, monkeypatch: pytest.MonkeyPatch) -> str:
    """A project whose changes nobody applies, and nobody waits for."""
    monkeypatch.setattr(configuration, "wait_until_applied", lambda *_: None)
    return str(api.create()["ref"])


def wait_in(api: Api, ref: str, slug: str, code: bytes = b"1") -> Any:
    return deploy(api, ref, slug=slug, code=code, bundle_only=True)


def refusal(answer: Any, status: int) -> str:
    assert (answer.status_code, set(answer.json())) == (status, {"message"}), answer.text
    return str(answer.json()["message"])


def test_code_that_waits_counts_as_a_function_and_can_be_deleted(
    api: Api, ref: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_FUNCTIONS", 2)
    path = f"/v1/projects/{ref}/functions"
    assert [wait_in(api, ref, slug).status_code for slug in ("one", "two")] == [201, 201]
    assert refusal(wait_in(api, ref, "three"), 413) == f"slug: {MOST}"
    assert refusal(deploy(api, ref, slug="three"), 413) == f"slug: {MOST}"
    assert wait_in(api, ref, "one", code=b"2").status_code == 201
    runs = len(api.client.get("/fleet/runs", params={"project": ref}).json())
    answer = api.client.delete(f"{path}/one")
    assert (answer.status_code, answer.content) == (200, b"")
    assert len(api.client.get("/fleet/runs", params={"project": ref}).json()) == runs, "nothing called it"
    assert refusal(api.client.delete(f"{path}/one"), 404) == "Function 'one' does not exist."
    assert wait_in(api, ref, "three").status_code == 201
    with api.engine.connect() as connection:
        slugs = connection.exec_driver_sql("SELECT slug FROM function_bundle ORDER BY slug").scalars().all()
        files = connection.exec_driver_sql("SELECT count(*) FROM function_file").scalar()
    assert (list(slugs), files) == (["three", "two"], 2)


def test_files_without_content_count_too(api: Api, ref: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_PROJECT_BYTES", _MEBIBYTE)

    def send_files(slug: str, count: int) -> Any:
        empty = [("file", (f"{number}.ts", b"")) for number in range(count)]
        metadata = ("metadata", (None, '{"entrypoint_path": "0.ts"}'))
        return send(api, ref, [*empty, metadata], slug=slug, bundleOnly="true")

    assert send_files("one", 900).status_code == 201
    sentence = "file: the functions of a project may have at most 1 MB of code together."
    assert refusal(send_files("two", 900), 413) == sentence
    assert api.client.delete(f"/v1/projects/{ref}/functions/one").status_code == 200
    assert send_files("two", 900).status_code == 201


def test_a_bulk_update_is_as_long_as_there_may_be_functions(api: Api, ref: str) -> None:
    path = f"/v1/projects/{ref}/functions"
    update = wait_in(api, ref, "one").json()
    message = refusal(api.client.put(path, json=[update] * (service.MOST_FUNCTIONS + 1)), 422)
    assert message.startswith("body: ")
    assert f"at most {service.MOST_FUNCTIONS} items" in message
    assert refusal(api.client.put(path, json=[update, update]), 422) == "1.slug: 'one' may be named only once"
    for digest in ("\ud800", "\0", "0"):
        body = json.dumps([{**update, "ezbr_sha256": digest}])
        answer = api.client.put(path, content=body, headers={"Content-Type": "application/json"})
        assert refusal(answer, 422).startswith("0.ezbr_sha256: ")
    assert api.client.get(path).json() == []


def test_only_code_may_be_large(api: Api, ref: str) -> None:
    path = f"/v1/projects/{ref}/functions"
    update = {**wait_in(api, ref, "one").json(), "name": "x" * 2 * _MEBIBYTE}
    assert refusal(api.client.put(path, json=[update]), 413) == "The body is larger than this service takes."
    assert wait_in(api, ref, "two", code=b"x" * 2 * _MEBIBYTE).status_code == 201


def test_a_form_is_read_beside_the_loop_that_serves_all(api: Api, ref: str, monkeypatch: pytest.MonkeyPatch) -> None:
    places: list[bool] = []

    def parse(body: bytes, boundary: bytes) -> list[Part]:
        try:
            asyncio.get_running_loop()
            places.append(True)
        except RuntimeError:
            places.append(False)
        return multipart.parse(body, boundary)

    monkeypatch.setattr(upload, "parse", parse)
    assert wait_in(api, ref, "one").status_code == 201
    assert places == [False]
