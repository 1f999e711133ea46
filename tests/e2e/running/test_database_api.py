"""A project's database through the API: what clients send, and what hostile clients send."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from tests.e2e import docker_eyes
from tests.e2e.live_service import LiveService
from tests.e2e.running.conftest import LiveProject

pytestmark = pytest.mark.docker

Projects = tuple[LiveProject, LiveProject]


class Database:
    """The API of one project's database."""

    def __init__(self, client: httpx.Client, ref: str) -> None:
        self.client = client
        self.path = f"/v1/projects/{ref}"

    def ask(self, method: str, path: str, expected: int = 200, **request: Any) -> Any:
        answer = self.client.request(method, self.path + path, timeout=240, **request)
        assert answer.status_code == expected, answer.text
        return answer.json() if answer.content else None

    def query(self, query: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
        body: dict[str, Any] = {"query": query} | ({"parameters": parameters} if parameters is not None else {})
        rows: list[dict[str, Any]] = self.ask("POST", "/database/query", 201, json=body)
        return rows

    def refusal(self, query: str, **fields: Any) -> str:
        return str(self.ask("POST", "/database/query", 400, json={"query": query, **fields})["message"])


@pytest.fixture
def client(service: LiveService) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client


@pytest.fixture
def database(client: httpx.Client, projects: Projects) -> Database:
    return Database(client, projects[0].ref)


@pytest.fixture
def other(client: httpx.Client, projects: Projects) -> Database:
    return Database(client, projects[1].ref)


def test_rows_come_as_clients_expect_them(database: Database) -> None:
    rows = database.query("select 1::int8 as a, 'pg_class'::regclass::oid as b, current_user as who, null as nothing")
    assert rows == [{"a": 1, "b": 1259, "who": "postgres", "nothing": None}]
    awkward = "it's $1; drop table x; --"
    rows = database.query("select $1::text as text, $2::int8 + 1 as number", [awkward, 41])
    assert rows == [{"text": awkward, "number": 42}]
    assert "ERROR:  42601: syntax error at or near" in database.refusal("selec 1")
    assert database.query("create table kept (id int8 primary key); drop table kept") == []


HOSTILE_WRITES = (
    "insert into precious values (2)",
    "commit; begin read write; insert into precious values (2)",
    "set default_transaction_read_only = off; insert into precious values (2)",
    "set session characteristics as transaction read write; insert into precious values (2)",
    "reset role; insert into precious values (2)",
    "do $$ begin commit; set transaction read write; perform wipe(); end $$",
    "call wipe_and_commit()",
    "select wipe()",
    "select set_config('transaction_read_only', 'off', false), wipe()",
    "select set_config('default_transaction_read_only', 'off', false); select wipe()",
    "with gone as (delete from precious returning id) select * from gone",
    "explain analyze delete from precious",
    "create table public.mine (id int)",
    "alter role supabase_read_only_user set default_transaction_read_only = off",
    "select lo_create(0)",
    "select 1; commit; select wipe()",
    "select '\\'; commit; select wipe(); --'",
    "/* ; */ truncate precious",
)


def test_a_read_only_query_writes_nothing_whatever_it_says(database: Database) -> None:
    database.query(
        "create table precious (id int); insert into precious values (1); grant all on precious to public;"
        "create function wipe() returns void language sql security definer as 'delete from precious';"
        "create procedure wipe_and_commit() language plpgsql security definer as"
        " $$ begin commit; set transaction read write; delete from precious; end $$;"
    )
    try:
        who = "select current_user as who, current_setting('transaction_read_only') as only"
        expected = [{"who": "supabase_read_only_user", "only": "on"}]
        assert database.ask("POST", "/database/query", 201, json={"query": who, "read_only": True}) == expected
        assert database.ask("POST", "/database/query/read-only", 201, json={"query": who}) == expected
        for query in HOSTILE_WRITES:
            answer = database.client.post(f"{database.path}/database/query", json={"query": query, "read_only": True})
            assert answer.status_code in (201, 400), answer.text
            if answer.status_code == 201:  # only what is one harmless literal
                assert query.startswith("select '"), query
            assert database.query("select array_agg(id) as ids from precious") == [{"ids": [1]}], query
        # What the role's own password was before does not matter: it is set again when a login fails.
        assert database.query("select count(*) as n from pg_largeobject_metadata") == [{"n": 0}]
    finally:
        database.query("drop procedure wipe_and_commit(); drop function wipe(); drop table precious")


def test_hostile_sql_stays_in_its_project(database: Database, other: Database) -> None:
    elsewhere = other.query("select oid::int8 as id from pg_database where datname = 'postgres'")
    for query in (
        "copy (select 1) to program 'id'",
        "alter role postgres superuser",
        "select pg_read_file('/etc/passwd')",
        "alter system set log_min_messages = 'debug5'",
        "drop database _supabase",
    ):
        assert "ERROR" in database.refusal(query), query
    # A query that takes its time keeps neither the service nor another project waiting.
    began = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        database.client.post(
            f"{database.path}/database/query", json={"query": "select pg_sleep(20)"}, timeout=httpx.Timeout(1)
        )
    assert other.query("select oid::int8 as id from pg_database where datname = 'postgres'") == elsewhere
    assert time.monotonic() - began < 15
    too_much = "select repeat('x', 1000000) from generate_series(1, 40)"
    assert "exceeded the configured limit" in database.refusal(too_much)
    assert database.query("select 1 as works") == [{"works": 1}]


def test_migrations_are_applied_listed_and_rolled_back(database: Database) -> None:
    assert database.ask("GET", "/database/migrations") == []
    first = {"query": "create table one (id int)", "name": "it's one", "rollback": "drop table one"}
    for _ in range(2):
        answer = database.client.post(
            f"{database.path}/database/migrations", json=first, headers={"Idempotency-Key": "k1"}
        )
        assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
        assert "content-type" not in answer.headers
    broken = {"query": "create table two (id int);\nselect nothing", "name": "broken"}
    message = database.ask("POST", "/database/migrations", 400, json=broken)["message"]
    assert 'column "nothing" does not exist\nLINE 2: select nothing' in message
    assert database.query("select to_regclass('two') as two") == [{"two": None}]
    outside = {"query": "create table two (id int); commit"}
    assert "leave BEGIN, COMMIT" in database.ask("POST", "/database/migrations", 400, json=outside)["message"]
    database.ask("POST", "/database/migrations", json={"query": "create table two (id int) -- end", "name": "two"})
    database.ask("PUT", "/database/migrations", json={"query": "create table three ()"})

    listed = database.ask("GET", "/database/migrations")
    assert [one.get("name") for one in listed] == ["it's one", "two", None]
    versions = [one["version"] for one in listed]
    stored = database.ask("GET", f"/database/migrations/{versions[0]}")
    assert stored["statements"] == [first["query"]]
    assert (stored["rollback"], stored["idempotency_key"]) == ([first["rollback"]], "k1")
    assert database.ask("GET", "/database/migrations/1", 404) == {"message": "Migration '1' does not exist."}

    refused = database.ask("DELETE", "/database/migrations", 400, params={"gte": versions[0]})
    assert refused["message"] == f"gte: the migration {versions[2]} has no rollback, so it cannot be undone."
    database.ask("PATCH", f"/database/migrations/{versions[1]}", json={"rollback": "drop table two"})
    database.ask("PATCH", f"/database/migrations/{versions[2]}", json={"rollback": "select 1"})
    database.ask("DELETE", "/database/migrations", params={"gte": versions[0]})
    assert database.ask("GET", "/database/migrations") == []
    assert database.query("select to_regclass('one') as one, to_regclass('two') as two") == [{"one": None, "two": None}]


def test_types_context_openapi_and_advisors_see_a_table(database: Database) -> None:
    database.query(
        "create table planted (id int8 primary key, self int8 references planted);"
        "create view seen as select * from auth.users; notify pgrst, 'reload schema'"
    )
    try:
        types = database.ask("GET", "/types/typescript", params={"included_schemas": "public"})["types"]
        assert "planted: {" in types
        assert "id: number" in types
        context = database.ask("GET", "/database/context")
        assert [one["name"] for one in context["databases"]] == ["postgres"]
        assert {"name": "public"} in context["databases"][0]["schemas"]
        document = database.ask("GET", "/database/openapi", params={"schema": "public"})
        assert document.get("swagger") == "2.0" or "openapi" in document
        assert "not served" in database.ask("GET", "/database/openapi", 422, params={"schema": "auth"})["message"]

        found = database.ask("GET", "/advisors/security", params={"lint_type": "sql"})["lints"]
        lints = {(one["name"], one["metadata"]["name"]): one for one in found}
        assert ("auth_users_exposed", "seen") in lints
        assert ("security_definer_view", "seen") in lints
        lint = lints["rls_disabled_in_public", "planted"]
        assert lint["detail"] == "Table `public.planted` is public, but RLS has not been enabled."
        assert (lint["level"], lint["facing"], lint["categories"]) == ("ERROR", "EXTERNAL", ["SECURITY"])
        assert lint["metadata"] == {"schema": "public", "name": "planted", "type": "table"}
        found = database.ask("GET", "/advisors/performance")["lints"]
        (key,) = [one for one in found if one["name"] == "unindexed_foreign_keys"]
        assert key["metadata"]["fkey_columns"] == [2]
        database.query("alter table planted enable row level security; drop view seen")
        found = database.ask("GET", "/advisors/security")["lints"]
        assert [(one["name"], one["metadata"]["name"]) for one in found] == [("rls_enabled_no_policy", "planted")]
    finally:
        database.query("drop view if exists seen; drop table planted")


def test_buckets_are_those_of_the_storage(database: Database, projects: Projects) -> None:
    headers = {"apikey": projects[0].service_role_key, "Authorization": f"Bearer {projects[0].service_role_key}"}
    bucket = {"id": "shown", "name": "shown", "public": True}
    made = httpx.post(f"{projects[0].url}/storage/v1/bucket", json=bucket, headers=headers)
    assert made.status_code == 200, made.text
    (shown,) = [one for one in database.ask("GET", "/storage/buckets") if one["id"] == "shown"]
    assert set(shown) == {"id", "name", "owner", "created_at", "updated_at", "public"}
    assert shown["public"] is True


def test_logs_are_what_the_gateway_saw(database: Database, projects: Projects) -> None:
    mark = f"/rest/v1/mark-{time.time_ns()}"
    httpx.get(projects[0].url + mark, headers={"apikey": projects[0].anon_key})
    query = (
        "select id, log_attributes['identifier'] as identifier, timestamp, event_message, "
        "log_attributes['request.method'] as method, log_attributes['request.path'] as path\n"
        "from logs\nwhere source = 'edge_logs'\norder by timestamp desc\nlimit 100"
    )
    deadline = time.monotonic() + 60
    while True:
        rows = database.ask("GET", "/analytics/endpoints/logs", params={"sql": query})["result"]
        found = [row for row in rows if row["path"] == mark]
        if found or time.monotonic() > deadline:
            break
        time.sleep(1)
    assert [row["method"] for row in found] == ["GET"]
    older = (
        "select id, edge_logs.timestamp, event_message, request.path from edge_logs cross join unnest(metadata) as m "
        "cross join unnest(m.request) as request order by timestamp desc limit 100"
    )
    rows = database.ask("GET", "/analytics/endpoints/logs.all", params={"sql": older})["result"]
    assert mark in [row["path"] for row in rows]
    refused = database.ask("GET", "/analytics/endpoints/logs", 501, params={"sql": "select count(*) from logs"})
    assert refused["message"].startswith("sql: only this is available")


def address_of(project: LiveProject) -> str:
    return str(docker_eyes.containers(project.ref)["db"]["NetworkSettings"]["Networks"][project.ref]["IPAddress"])


def login(project: LiveProject, user: str, password: str) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=address_of(project), dbname="postgres", user=user, password=password, autocommit=True, connect_timeout=10
    )


def test_the_command_line_gets_roles_that_log_in(database: Database, projects: Projects) -> None:
    role = database.ask("POST", "/cli/login-role", 201, json={"read_only": False})
    reader = database.ask("POST", "/cli/login-role", 201, json={"read_only": True})
    with login(projects[0], role["role"], role["password"]) as connection:
        connection.execute("set session role postgres")
        connection.execute("create table by_command_line (id int); drop table by_command_line")
    with login(projects[0], reader["role"], reader["password"]) as connection:
        assert connection.execute("select count(*) from auth.users").fetchone() is not None
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("create table by_command_line (id int)")
        assert database.ask("DELETE", "/cli/login-role") == {"message": "ok"}
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    with pytest.raises(psycopg.OperationalError):
        login(projects[0], role["role"], role["password"])


def test_a_new_password_is_in_force_everywhere(service: LiveService, other: Database, projects: Projects) -> None:
    second = projects[1]
    words = [entry.split("=", 1) for entry in docker_eyes.containers(second.ref)["db"]["Config"]["Env"]]
    before = dict(words)["POSTGRES_PASSWORD"]
    login(second, "postgres", before).close()
    after = "changedPassword2026x"
    assert other.ask("PATCH", "/database/password", json={"password": after}) == {
        "message": "Successfully updated the database password."
    }
    for user in ("postgres", "supabase_admin"):
        login(second, user, after).close()
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            login(second, user, before)
    project = service.project(second.ref)
    assert (project["status"], project["status_reason"]) == ("ACTIVE_HEALTHY", None)
    assert set(docker_eyes.health(second.ref).values()) == {"healthy"}
    assert other.query("select 1 as works") == [{"works": 1}]
    assert other.ask("POST", "/database/query/read-only", 201, json={"query": "select 1 as works"}) == [{"works": 1}]
    assert after not in service.log.read_text()


def test_a_paused_project_says_so(service: LiveService, other: Database, projects: Projects) -> None:
    ref = projects[1].ref
    other.client.post(f"/v1/projects/{ref}/pause")
    service.wait(ref, "INACTIVE", "PAUSE_FAILED")
    try:
        refused = other.ask("POST", "/database/query", 409, json={"query": "select 1"})
        assert refused == {"message": f"Project '{ref}' is paused: restore it first."}
    finally:
        other.client.post(f"/v1/projects/{ref}/restore")
        service.wait(ref, "ACTIVE_HEALTHY", "RESTORE_FAILED")
    assert other.query("select 1 as works") == [{"works": 1}]
