"""Studio's way into a project's database: what is passed on, to whom it is open, and what comes back."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import SplitResult, parse_qs

import pytest
from sqlalchemy import text

from supafleet.db import unit_of_work
from supafleet.organizations.models import Role
from supafleet.projects import configuration
from tests.integration.api.conftest import PASSWORD, Api
from tests.integration.api.fake_gateway import connection_of, parsed
from tests.integration.api.people import add_person

_REFUSED = 'password authentication failed for user "postgres"'


class Meta(ThreadingHTTPServer):
    """A stand-in of a project's gateway that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[dict[str, Any]] = []
        self.answer: tuple[int, Any] = (200, [])
        self.decide: Callable[[dict[str, Any]], tuple[int, Any]] = lambda _: self.answer
        self.media_type = "application/json; charset=utf-8"


class _Handler(BaseHTTPRequestHandler):
    server: Meta

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        sent = json.loads(self.rfile.read(length)) if length else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = {"asked": f"{self.command} {self.path}", "body": sent, "headers": headers}
        self.server.asked.append(asked)
        status, document = self.server.decide(asked)
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
    assert "cookie" not in one["headers"]
    connection = connection_in(api, database, one)
    assert (connection.username, connection.password, connection.path) == ("postgres", PASSWORD, "/postgres")
    assert parse_qs(connection.query) == {"options": ["-c statement_timeout=50s"]}


@pytest.mark.parametrize(
    ("method", "path", "theirs"),
    [
        ("POST", "/query", (400, {"message": _REFUSED, "code": "28P01", "severity": "FATAL", "error": _REFUSED})),
        ("GET", "/tables", (500, {"error": _REFUSED})),
        ("GET", "/tables?id=17", (404, {"error": _REFUSED})),
        ("DELETE", "/tables?id=17", (400, {"error": _REFUSED})),
    ],
)
def test_a_password_that_is_being_changed_opens_the_database(
    api: Api, meta: Meta, database: str, method: str, path: str, theirs: tuple[int, Any]
) -> None:
    with unit_of_work(api.engine) as session:
        ref = database.rpartition("/")[2]
        configuration.keep_secret(session, ref, "database.next_password", "another7Password", api.settings)

    def knows_only(password: str | None) -> Callable[[dict[str, Any]], tuple[int, Any]]:
        return lambda asked: (200, [1]) if connection_in(api, database, asked).password == password else theirs

    sent = {"query": "select 1"} if method == "POST" else None
    for password, status in ((PASSWORD, 200), ("another7Password", 200), (None, 502)):
        meta.decide = knows_only(password)
        assert api.client.request(method, f"{database}{path}", json=sent).status_code == status
    assert len(meta.asked) == 1 + 2 + 2


def connection_in(api: Api, database: str, asked: dict[str, Any]) -> SplitResult:
    key = api.secrets_of(database.rpartition("/")[2])["pg_meta_crypto_key"]
    return connection_of(asked["headers"]["x-connection-encrypted"], key)


def test_a_reader_reads_and_changes_nothing(api: Api, meta: Meta, database: str) -> None:
    reader = add_person(api, f"another-{Role.READ_ONLY}", Role.READ_ONLY).headers
    assert api.client.get(f"{database}/tables", headers=reader).status_code == 200
    before = len(meta.asked)
    for method, path in (("POST", "tables"), ("PATCH", "tables?id=1"), ("DELETE", "tables?id=1")):
        answer = api.client.request(method, f"{database}/{path}", json={"query": "select 1"}, headers=reader)
        assert answer.status_code == 403, (method, path)
    assert len(meta.asked) == before


def test_the_statements_of_a_reader_run_as_who_cannot_write(api: Api, meta: Meta, database: str) -> None:
    def decide(asked: dict[str, Any]) -> tuple[int, Any]:
        if asked["asked"] == "POST /pg/query/parse":
            return 200, {"version": 170004, "stmts": parsed(asked["body"]["query"])}
        return 200, [{"a": 1}]

    meta.decide = decide
    people = {role: add_person(api, f"another-{role}", role).headers for role in (Role.READ_ONLY, Role.DEVELOPER)}

    def run(query: str, role: Role) -> Any:
        meta.asked.clear()
        return api.client.post(f"{database}/query", json={"query": query}, headers=people[role])

    answer = run("select 1", Role.READ_ONLY)
    assert (answer.status_code, answer.json()) == (200, [{"a": 1}])
    parse, query = meta.asked
    assert (parse["asked"], query["asked"]) == ("POST /pg/query/parse", "POST /pg/query")
    connection = connection_in(api, database, query)
    assert connection.username == "supabase_read_only_user"
    assert "-c default_transaction_read_only=on" in parse_qs(connection.query)["options"][0]
    for writing in ("insert into a", "select 1; commit; insert into a", "begin", "do $$ $$"):
        answer = run(writing, Role.READ_ONLY)
        assert answer.status_code == 400, writing
        assert answer.json()["message"].startswith("query: a read-only query may hold only SELECT")
        assert [one["asked"] for one in meta.asked] == ["POST /pg/query/parse"]
        assert run(writing, Role.DEVELOPER).status_code == 200
        assert connection_in(api, database, meta.asked[-1]).username == "postgres"


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


STRANGE_BODIES = [b'{"name": NaN}', b'{"name": [1e999]}', b'{"name": "\\ud800"}', b"[" * 300 + b"]" * 300]


def test_only_json_is_passed_on_and_what_is_refused_is_not_underway(api: Api, meta: Meta, database: str) -> None:
    headers = {"Content-Type": "application/json"}
    for content in STRANGE_BODIES * 3:
        for method, path in (("POST", "tables"), ("PATCH", "tables?id=1"), ("DELETE", "tables?id=1")):
            answer = api.client.request(method, f"{database}/{path}", content=content, headers=headers)
            assert answer.status_code == 422, content
            assert answer.json()["message"].startswith("body: must be JSON: "), content
    answer = api.client.post(f"{database}/query", content=b'{"query": "\\ud800"}', headers=headers)
    assert (answer.status_code, answer.json()["message"].partition(":")[0]) == (422, "query")
    answer = api.client.get(f"{database}/tables?name={',' * 9000}")
    assert (answer.status_code, answer.json()["message"]) == (422, "query: may have at most 8000 characters")
    assert meta.asked == []
    assert api.client.get(f"{database}/tables?name={',' * 7000}").status_code == 200


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
