"""The wire of a project's database: codes, shapes, logins and refusals, against a gateway on loopback."""

import base64
import hashlib
import hmac
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from supafleet.database import passwords
from supafleet.database.gateway import MOST_AT_ONCE, Gateways
from supafleet.db import reading, unit_of_work
from supafleet.hosts import service as hosts
from supafleet.organizations.models import Role
from supafleet.projects import repository, service
from supafleet.projects.states import Status
from supafleet.runner.fake import FakeLauncher, succeeds
from tests.integration.api.conftest import PASSWORD, Api
from tests.integration.api.fake_gateway import Asked, FakeGateway, Reply, literals, sql_error
from tests.integration.api.people import add_person


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGateway]:
    with FakeGateway() as fake:
        monkeypatch.setattr(hosts, "gateway_url", lambda *_: fake.url)
        yield fake


def set_status(api: Api, ref: str, status: Status) -> None:
    with unit_of_work(api.engine) as session:
        project = repository.find_project(session, ref)
        assert project is not None
        project.status = status


class Database:
    """The API of the one project's database."""

    def __init__(self, api: Api, gateway: FakeGateway, ref: str) -> None:
        self.api, self.gateway, self.ref = api, gateway, ref
        gateway.crypto_key = api.secrets_of(ref)["pg_meta_crypto_key"]

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self.api.client.request(method, f"/v1/projects/{self.ref}{path}", **request)

    def query(self, query: str, **fields: Any) -> httpx.Response:
        return self.ask("POST", "/database/query", json={"query": query, **fields})


@pytest.fixture
def database(api: Api, gateway: FakeGateway) -> Database:
    ref = api.create()["ref"]
    set_status(api, ref, Status.ACTIVE_HEALTHY)
    return Database(api, gateway, ref)


def refused(answer: httpx.Response, status: int) -> str:
    assert (answer.status_code, set(answer.json())) == (status, {"message"}), answer.text
    return str(answer.json()["message"])


def test_a_query_goes_through_the_projects_gateway_as_postgres(database: Database) -> None:
    rows = b'[{"?column?":1,"big":2147483648}]'
    database.gateway.answer = lambda _: Reply(body=rows)
    answer = database.query("select $1", parameters=["it's"])
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (201, rows, "application/json")
    (asked,) = database.gateway.asked
    known = database.api.secrets_of(database.ref)
    assert asked.body == {"query": "select $1", "parameters": ["it's"]}
    assert asked.headers["apikey"] == known["service_role_key"]
    assert (asked.user, asked.password, asked.database) == ("postgres", PASSWORD, "postgres")
    assert asked.options == "-c statement_timeout=50s"


def test_an_error_of_postgres_is_told_in_its_words(database: Database) -> None:
    database.gateway.answer = lambda _: sql_error("42P01", 'relation "nope" does not exist')
    message = refused(database.query("select * from nope"), 400)
    assert message == 'Failed to run sql query: ERROR:  42P01: relation "nope" does not exist'


BAD_INPUT: list[tuple[dict[str, Any], str]] = [
    ({}, "query: is required"),
    ({"query": ""}, "query: should have at least 1 character"),
    ({"query": "select '\0'"}, "query: must not hold the character 0"),
    ({"query": "select 1", "parameters": "x"}, "parameters: must be a list"),
    ({"query": "select 1", "read_only": "perhaps"}, "read_only: must be true or false"),
]


def test_bad_input_names_the_field(database: Database) -> None:
    for body, sentence in BAD_INPUT:
        assert refused(database.ask("POST", "/database/query", json=body), 422) == sentence
    assert database.gateway.asked == []


NO_ANSWERS = [
    (Reply(200, b"<html>", "text/html"), 502, "is not rows"),
    (Reply(200, {"a": 1}), 502, "is not rows"),
    (Reply(401, {"message": "no"}), 502, "refuses the project's own key"),
    (Reply(503, b"name resolution failed", "text/plain"), 502, "postgres-meta answered 503"),
    (Reply(400, {"error": "connect ECONNREFUSED", "code": "ECONNREFUSED"}), 502, "cannot be reached"),
    (Reply(408, {"error": "Query read timeout"}), 504, "did not answer in time"),
    (Reply(413, {"message": "Request body is too large"}), 400, "query: is longer than"),
    (Reply(200, b"[" + b" " * 33 * 1024 * 1024 + b"]"), 400, "larger than 32 MiB"),
    (Reply(302, b"", "text/plain"), 502, "postgres-meta answered 302"),
]


def test_an_answer_that_is_none_is_a_refusal(database: Database) -> None:
    for reply, status, words in NO_ANSWERS:
        database.gateway.answer = lambda _, reply=reply: reply  # type: ignore[misc]
        assert words in refused(database.query("select 1"), status)


def test_a_gateway_that_is_down_or_slow_is_said(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database.api.app.state, "gateways", Gateways(answer_seconds=0.3))
    database.gateway.answer = lambda _: Reply(seconds=1.5)
    message = refused(database.query("select pg_sleep(9)"), 504)
    assert message == f"Project '{database.ref}' did not answer within 0.3 s."
    monkeypatch.setattr(hosts, "gateway_url", lambda *_: "http://127.0.0.1:1")
    message = refused(database.query("select 1"), 502)
    assert message == f"The gateway of project '{database.ref}' does not answer (ConnectError)."


NOT_UP = [
    (Status.INACTIVE, "is paused: restore it first."),
    (Status.COMING_UP, "is coming up: its database answers when it is ACTIVE_HEALTHY."),
    (Status.GOING_DOWN, "is being removed."),
]


def test_a_project_that_is_not_up_is_asked_nothing(database: Database) -> None:
    for status, words in NOT_UP:
        set_status(database.api, database.ref, status)
        expected = f"Project '{database.ref}' {words}"
        for method, path, body in (
            ("POST", "/database/query", {"query": "select 1"}),
            ("GET", "/database/migrations", None),
            ("GET", "/advisors/security", None),
            ("GET", "/storage/buckets", None),
            ("PATCH", "/database/password", {"password": "x" * 16}),
        ):
            assert refused(database.ask(method, path, json=body), 409) == expected
    assert database.gateway.asked == []


def test_one_project_keeps_only_so_many_requests_underway(database: Database) -> None:
    database.gateway.answer = lambda _: Reply(seconds=1.5)
    answers: list[httpx.Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(database.query("select 1"))) for _ in range(MOST_AT_ONCE + 3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201] * MOST_AT_ONCE + [429] * 3
    assert {answer.headers.get("retry-after") for answer in answers if answer.status_code == 429} == {"1"}
    assert database.query("select 1").status_code == 201


def test_a_read_only_query_logs_in_as_the_reader(database: Database) -> None:
    known: dict[str, str] = {}

    def answer(asked: Asked) -> Reply:
        if asked.user == "supabase_admin":
            known["verifier"] = literals(asked.body["query"])[0]
            assert "default_transaction_read_only=off" in asked.options
            return Reply()
        if "verifier" not in known:
            return sql_error("28P01", "password authentication failed", severity="FATAL")
        assert fits(asked.password, known["verifier"])
        return Reply(body=[{"a": 1}])

    database.gateway.answer = answer
    for answered in (
        database.query("select 1", read_only=True),
        database.ask("POST", "/database/query/read-only", json={"query": "select 1"}),
    ):
        assert (answered.status_code, answered.json()) == (201, [{"a": 1}])
    users = [asked.user for asked in database.gateway.queries]
    assert users == ["supabase_read_only_user", "supabase_admin", *["supabase_read_only_user"] * 2]
    assert "-c default_transaction_read_only=on" in database.gateway.queries[0].options
    password = database.api.secrets_of(database.ref)["database.read_only_password"]
    assert {asked.password for asked in database.gateway.queries if "only" in asked.user} == {password}
    assert not any(password in str(asked.body) for asked in database.gateway.asked)
    with reading(database.api.engine) as session:
        given = service.run_inputs(session, database.ref, database.api.settings)["secrets"]
    assert not [name for name in given if name.startswith("database.")]


def test_a_read_only_query_that_does_more_is_not_run(database: Database) -> None:
    for query in ("insert into a", "select 1; commit; insert into a", "begin", "do $$ $$"):
        message = refused(database.query(query, read_only=True), 400)
        assert message.startswith("query: a read-only query may hold only SELECT")
    assert database.gateway.queries == []


def test_a_reader_of_the_organization_only_reads(database: Database) -> None:
    api = database.api
    headers = add_person(api, "reader", Role.READ_ONLY).headers
    path = f"/v1/projects/{database.ref}/database/query"
    written = api.client.post(path, json={"query": "select 1"}, headers=headers)
    assert "(database_write)" in refused(written, 403)
    assert database.gateway.asked == []
    read = api.client.post(path, json={"query": "select 1", "read_only": True}, headers=headers)
    assert read.status_code == 201


def test_webhooks_are_enabled_where_their_schema_is(database: Database) -> None:
    database.gateway.answer = lambda _: Reply(body=[{"is_there": True}])
    answer = database.ask("POST", "/database/webhooks/enable")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (201, b"", "0")
    (asked,) = database.gateway.queries
    assert "'supabase_functions'" in asked.body["query"]
    assert "default_transaction_read_only=on" in asked.options
    database.gateway.answer = lambda _: Reply(body=[{"is_there": False}])
    message = refused(database.ask("POST", "/database/webhooks/enable"), 409)
    assert "no schema supabase_functions" in message
    headers = add_person(database.api, "developer", Role.DEVELOPER).headers
    assert database.ask("POST", "/database/webhooks/enable", headers=headers).status_code == 403
    assert len(database.gateway.queries) == 2


def test_a_migration_is_void_and_carries_its_texts_as_literals(database: Database) -> None:
    body = {"query": "create table t (id int)", "name": "it's", "rollback": "drop table t"}
    answer = database.ask("POST", "/database/migrations", json=body, headers={"Idempotency-Key": "k'1"})
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert "content-type" not in answer.headers
    looked, applied = database.gateway.queries
    assert looked.body["parameters"] == ["k'1"]
    assert literals(applied.body["query"])[:2] == ["create table t (id int)", "it's"]
    assert applied.body["query"].endswith("\ncreate table t (id int)\n;")
    message = refused(database.ask("POST", "/database/migrations", json={"query": "begin; select 1"}), 400)
    assert message == "query: is one transaction already; leave BEGIN, COMMIT and the like out."


def test_a_migration_whose_key_is_there_is_not_run_again(database: Database) -> None:
    database.gateway.answer = lambda _: Reply(body=[{"migration": {"version": "1", "idempotency_key": "k1"}}])
    headers = {"Idempotency-Key": "k1"}
    assert database.ask("POST", "/database/migrations", json={"query": "select 1"}, headers=headers).status_code == 200
    assert len(database.gateway.queries) == 1


def test_the_history_is_listed_without_what_is_not_known(database: Database) -> None:
    old = [{"migration": {"version": "1"}}, {"migration": {"version": "2", "name": "two", "statements": ["x"]}}]
    database.gateway.answer = lambda _: Reply(body=old)
    answer = database.ask("GET", "/database/migrations")
    assert (answer.status_code, answer.json()) == (200, [{"version": "1"}, {"version": "2", "name": "two"}])
    database.gateway.answer = lambda _: sql_error("42P01", "relation does not exist")
    assert database.ask("GET", "/database/migrations").json() == []
    assert refused(database.ask("GET", "/database/migrations/7"), 404) == "Migration '7' does not exist."
    assert "should match" in refused(database.ask("GET", "/database/migrations/x"), 422)


def test_a_migration_without_rollback_is_not_undone(database: Database) -> None:
    database.gateway.answer = lambda _: Reply(
        body=[{"migration": {"version": "2", "rollback": ["x"]}}, {"migration": {"version": "1"}}]
    )
    message = refused(database.ask("DELETE", "/database/migrations", params={"gte": "1"}), 400)
    assert message == "gte: the migration 1 has no rollback, so it cannot be undone."
    assert len(database.gateway.queries) == 1


def test_logs_of_an_unknown_shape_are_not_available(database: Database) -> None:
    for path, sql in (
        ("logs", "select count(*) from logs"),
        ("logs", "select id from logs where source = 'edge_logs' union select 1"),
        ("logs", "select id; drop table x from logs where source = 'edge_logs'"),
        ("logs.all", "select id from secrets order by timestamp desc"),
    ):
        message = refused(database.ask("GET", f"/analytics/endpoints/{path}", params={"sql": sql}), 501)
        assert message.startswith("sql: "), sql
    assert database.gateway.asked == []


@pytest.mark.parametrize("source", ["workflow_run_logs", "supavisor_logs", "pgbouncer_logs", "pg_upgrade_logs"])
def test_logs_of_what_no_project_has_are_none(database: Database, source: str) -> None:
    for path, place in (("logs", f"logs where source = '{source}'"), ("logs.all", source)):
        answer = database.ask("GET", f"/analytics/endpoints/{path}", params={"sql": f"select id from {place}"})
        assert (answer.status_code, answer.json()["result"]) == (200, []), path
    assert database.gateway.asked == []


def test_logs_without_a_query_are_the_newest_requests(database: Database) -> None:
    row = {"id": "1", "timestamp": 2, "event_message": "GET /rest/v1/"}

    def answer(asked: Asked) -> Reply:
        return Reply(
            body=[{"name": "log_events"}] if "to_regclass" in asked.body["query"] else [{**row, "metadata": {}}]
        )

    database.gateway.answer = answer
    for path in ("logs", "logs.all"):
        answered = database.ask("GET", f"/analytics/endpoints/{path}")
        assert (answered.status_code, answered.json()["result"]) == (200, [row]), path
        assert database.gateway.queries[-1].body["parameters"][0] == "cloudflare.logs.prod"


def test_what_other_services_answer_is_checked(database: Database) -> None:
    bucket = {"id": "a", "name": "a", "owner": None, "public": False, "created_at": "x", "updated_at": "y", "type": "S"}
    database.gateway.answer = lambda _: Reply(body=[bucket])
    shown = database.ask("GET", "/storage/buckets").json()
    assert shown == [{name: value for name, value in {**bucket, "owner": ""}.items() if name != "type"}]
    database.gateway.answer = lambda _: Reply(body={"message": "x"})
    assert "not a list of buckets" in refused(database.ask("GET", "/storage/buckets"), 502)
    assert "is not TypeScript" in refused(database.ask("GET", "/types/typescript"), 502)
    database.gateway.answer = lambda _: Reply(406, {"message": "The schema must be one of: public"})
    message = refused(database.ask("GET", "/database/openapi", params={"schema": "auth"}), 422)
    assert message == "schema: 'auth' is not served: The schema must be one of: public"


def fits(password: str, verifier: str) -> bool:
    """Whether Postgres would let the password in by this verifier."""
    _, parameters, keys = verifier.split("$")
    iterations, salt = parameters.split(":")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(iterations))
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    return base64.b64encode(stored).decode() == keys.split(":")[0]


def test_a_password_is_changed_in_the_database_and_then_in_the_services(
    live_api: Api, gateway: FakeGateway, ref: str
) -> None:
    database = Database(live_api, gateway, ref)
    short = database.ask("PATCH", "/database/password", json={"password": "p'1"})
    assert refused(short, 422) == "password: must have 12 to 72 characters"
    answer = database.ask("PATCH", "/database/password", json={"password": "another7Password"})
    assert (answer.status_code, set(answer.json())) == (200, {"message"})
    (asked,) = gateway.queries
    assert (asked.user, asked.password) == ("supabase_admin", PASSWORD)
    assert all(fits("another7Password", verifier) for verifier in literals(asked.body["query"]))
    assert "another7Password" not in str(asked.body)
    known = live_api.secrets_of(ref)
    assert known["postgres_password"] == "another7Password"
    assert "database.next_password" not in known
    kinds = [run["kind"] for run in live_api.client.get("/fleet/runs", params={"project": ref}).json()]
    assert kinds == ["project_converge", "project_create"]


def test_an_interrupted_change_of_password_can_be_ended(live_api: Api, gateway: FakeGateway, ref: str) -> None:
    database = Database(live_api, gateway, ref)
    gateway.answer = lambda _: Reply(503, b"", "text/plain")
    assert database.ask("PATCH", "/database/password", json={"password": "another7Password"}).status_code == 502

    def knows_only_the_new_one(asked: Asked) -> Reply:
        if asked.password == "another7Password":
            return Reply()
        return sql_error("28P01", "password authentication failed", severity="FATAL")

    gateway.answer = knows_only_the_new_one
    assert database.query("select 1").status_code == 201
    assert database.ask("PATCH", "/database/password", json={"password": "a3rdPassword12"}).status_code == 200
    assert live_api.secrets_of(ref)["postgres_password"] == "a3rdPassword12"


def test_a_change_of_password_waits_for_the_run_that_is_underway(
    live_api: Api, launcher: FakeLauncher, gateway: FakeGateway, ref: str
) -> None:
    database = Database(live_api, gateway, ref)
    launcher.scripts["project_restart"] = replace(succeeds(), seconds=1.5)
    assert live_api.client.post(f"/fleet/projects/{ref}/restart").status_code == 200
    answer = database.ask("PATCH", "/database/password", json={"password": "another7Password"})
    assert answer.status_code == 200, answer.text
    changed, restart, *_ = live_api.client.get("/fleet/runs", params={"project": ref}).json()
    assert (changed["kind"], restart["kind"]) == ("project_converge", "project_restart")
    assert restart["ended_at"] <= changed["created_at"]
    assert len(gateway.queries) == 1


def test_a_password_is_not_changed_beside_a_run_that_does_not_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "_IDLE_SECONDS", 0.2)
    refusal = database.ask("PATCH", "/database/password", json={"password": "another7Password"})
    assert "is busy" in refused(refusal, 409)
    assert database.gateway.asked == []
