"""Studio's way into a project's database: what is passed on, to whom it is open, and what comes back."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import text

from supafleet.organizations.models import Role
from tests.integration.api.conftest import Api
from tests.integration.api.people import add_person


class Meta(ThreadingHTTPServer):
    """A stand-in of a project's gateway that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, Any]] = []
        self.answer: tuple[int, Any] = (200, [])
        self.media_type = "application/json; charset=utf-8"


class _Handler(BaseHTTPRequestHandler):
    server: Meta

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        sent = json.loads(self.rfile.read(length)) if length else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append({"asked": f"{self.command} {self.path}", "body": sent, "headers": headers})
        status, document = self.server.answer
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", self.server.media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names that the base class looks for

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def meta() -> Iterator[Meta]:
    with Meta() as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def database(api: Api, meta: Meta) -> str:
    """Path of a project's pg-meta, whose gateway is the stand-in."""
    ref = api.create()["ref"]
    with api.engine.begin() as connection:
        connection.execute(
            text("UPDATE project SET gateway_port = :port, status = 'ACTIVE_HEALTHY' WHERE ref = :ref"),
            {"port": meta.server_address[1], "ref": ref},
        )
    return f"/platform/pg-meta/{ref}"


@pytest.mark.parametrize(
    ("method", "path", "sent", "asked"),
    [
        ("GET", "/tables?schemas=a,b&limit=9", None, "GET /pg/tables?schemas=a%2Cb&limit=9"),
        ("GET", "/tables?id=17", None, "GET /pg/tables/17"),
        ("GET", "/types", None, "GET /pg/types"),
        ("GET", "/publications", None, "GET /pg/publications"),
        ("POST", "/tables", {"name": "t"}, "POST /pg/tables"),
        ("POST", "/columns", {"table_id": 17, "name": "c"}, "POST /pg/columns"),
        ("PATCH", "/columns?id=17.2", {"name": "d"}, "PATCH /pg/columns/17.2"),
        ("DELETE", "/tables?id=17&cascade=true", None, "DELETE /pg/tables/17?cascade=true"),
        ("DELETE", "/extensions?id=uuid-ossp", None, "DELETE /pg/extensions/uuid-ossp"),
        ("DELETE", "/column-privileges", [{"column_id": "17.2"}], "DELETE /pg/column-privileges"),
        ("POST", "/query?key=schemas-list", {"query": "select 1"}, "POST /pg/query"),
    ],
)  # fmt: skip
def test_studio_reaches_the_database_of_the_project(
    api: Api, meta: Meta, database: str, method: str, path: str, sent: Any, asked: str
) -> None:
    meta.answer = (200, [{"id": 9007199254740993, "name": "Ünïcode"}])
    theirs = {"x-connection-encrypted": "another database", "cookie": "a=b"}
    answer = api.client.request(method, f"{database}{path}", json=sent, headers=theirs)
    assert answer.status_code == 200, answer.text
    assert answer.json() == meta.answer[1]
    assert answer.headers["content-type"] == "application/json"
    (one,) = meta.asked
    assert (one["asked"], one["body"]) == (asked, sent)
    key = api.secrets_of(database.rpartition("/")[2])["service_role_key"]
    assert (one["headers"]["apikey"], one["headers"]["authorization"]) == (key, f"Bearer {key}")
    assert not {"x-connection-encrypted", "cookie"} & one["headers"].keys()


def test_a_reader_reads_and_does_not_run_statements(api: Api, meta: Meta, database: str) -> None:
    reader = add_person(api, f"another-{Role.READ_ONLY}", Role.READ_ONLY).headers
    assert api.client.get(f"{database}/tables", headers=reader).status_code == 200
    before = len(meta.asked)
    for method, path in (("POST", "query"), ("POST", "tables"), ("PATCH", "tables?id=1"), ("DELETE", "tables?id=1")):
        answer = api.client.request(method, f"{database}/{path}", json={"query": "select 1"}, headers=reader)
        assert answer.status_code == 403, (method, path)
    assert len(meta.asked) == before


@pytest.mark.parametrize(
    ("theirs", "status", "message"),
    [
        ((400, {"message": "relation does not exist", "code": "42P01"}), 400, "relation does not exist"),
        ((400, {"error": "syntax error"}), 400, "syntax error"),
        ((404, {"error": "Cannot find a table with ID 17"}), 404, "Cannot find a table with ID 17"),
        ((400, []), 400, "refuses it (400)"),
        ((401, {"message": "Invalid authentication credentials"}), 502, "refuses the project's own key"),
        ((503, {"message": "name resolution failed"}), 502, "answered 503"),
        ((302, {}), 502, "answered 302"),
    ],
)
def test_a_refusal_of_the_database_is_a_message(
    api: Api, meta: Meta, database: str, theirs: tuple[int, Any], status: int, message: str
) -> None:
    meta.answer = theirs
    answer = api.client.post(f"{database}/query", json={"query": "select"})
    assert answer.status_code == status
    assert answer.json().keys() == {"message"}
    assert message in answer.json()["message"]


def test_a_page_is_no_answer_of_the_database(api: Api, meta: Meta, database: str) -> None:
    meta.media_type = "text/html"
    answer = api.client.get(f"{database}/tables")
    assert answer.status_code == 502
    assert answer.json()["message"].endswith("answered 200 with something that is not JSON.")


def test_a_gateway_that_is_not_there_is_told(api: Api, meta: Meta, database: str) -> None:
    meta.shutdown()
    meta.server_close()
    answer = api.client.get(f"{database}/tables")
    assert answer.status_code == 502
    assert "does not answer (ConnectError)" in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "word"),
    [
        ("GET", "/config", "collection: must be"),
        ("GET", "/tables?id=../config", "id: "),
        ("PATCH", "/tables", "id: is required"),
        ("POST", "/query", "query: is required"),
    ],
)
def test_only_known_paths_are_passed_on(api: Api, meta: Meta, database: str, method: str, path: str, word: str) -> None:
    answer = api.client.request(method, f"{database}{path}", json=None if method == "GET" else {})
    assert answer.status_code == 422
    assert answer.json()["message"].startswith(word)
    assert meta.asked == []
