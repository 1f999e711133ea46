"""What the advisors find, asked of a real PostgreSQL."""

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import psycopg
import pytest
from psycopg.rows import dict_row

from supafleet.database import advisors, postgres
from supafleet.database.advisors import Category
from supafleet.database.gateway import Gateways, ReachedProject
from supafleet.database.postgres import Login
from supafleet.database.schemas import Lint
from tests.integration.conftest import PostgresServer

# As every project has it: roles are of the whole server, and another test may have made them.
SETUP = """
do $$ begin
  create role anon; create role authenticated;
exception when duplicate_object then null; end $$;
create schema auth;
create table auth.users (id int primary key);
create function auth.jwt() returns jsonb language sql stable set search_path = '' as 'select ''{}''::jsonb';
grant usage on schema public to anon, authenticated;
"""


class Advised:
    """A database, and what is found in it."""

    def __init__(self, connection: psycopg.Connection[dict[str, Any]]) -> None:
        self._connection = connection

    def has(self, *statements: str) -> None:
        """Have these in it."""
        for one in statements:
            self._connection.execute(one)

    def found(self, category: Category = "SECURITY") -> list[Lint]:
        """All findings."""
        project = cast(ReachedProject, _Project)
        return asyncio.run(advisors.advise(cast(Gateways, self), project, category)).lints

    def names(self, category: Category = "SECURITY") -> list[tuple[str, str | None]]:
        """Which rules found what."""
        return [(lint.name, lint.metadata.name) for lint in self.found(category)]

    async def rows(self, _gateways: Gateways, _project: ReachedProject, login: Login, query: str) -> Any:
        """Answer as postgres-meta would, in the session that is asked for."""
        with self._connection.transaction(force_rollback=True):
            for option in login.value.options:
                name, _, value = option.partition("=")
                self._connection.execute("select set_config(%s, %s, true)", [name, value])
            return self._connection.execute(query).fetchall()


class _Project:
    api_schemas = ("public", "graphql_public")


@pytest.fixture
def advised(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Advised]:
    url = postgres_server.create_database()
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        advised = Advised(connection)
        advised.has(SETUP)
        monkeypatch.setattr(postgres, "rows", advised.rows)
        yield advised
    postgres_server.drop_database(url)


def test_nothing_is_found_in_an_empty_project(advised: Advised) -> None:
    assert advised.found("SECURITY") == advised.found("PERFORMANCE") == []


def test_a_policy_that_trusts_what_users_say_of_themselves(advised: Advised) -> None:
    advised.has(
        "create table notes (id int primary key, said text)",
        "alter table notes enable row level security",
        "create policy fine on notes using (((select auth.jwt()) -> 'app_metadata' ->> 'editor')::boolean)",
        "create policy column_of_that_name on notes using (said = 'user_metadata')",
    )
    assert advised.names() == []
    advised.has(
        "create policy by_token on notes using (((select auth.jwt()) -> 'user_metadata' ->> 'editor')::boolean)",
        "create policy by_setting on notes for insert with check "
        "((current_setting('request.jwt.claims', true)::json -> 'user_metadata' ->> 'editor')::boolean)",
    )
    found = advised.found()
    assert [lint.name for lint in found] == ["rls_references_user_metadata"] * 2
    assert [lint.cache_key.rpartition("_notes_")[2] for lint in found] == ["by_setting", "by_token"]
    lint = found[1]
    assert (lint.level, lint.title, lint.categories) == ("ERROR", "RLS references user metadata", ["SECURITY"])
    assert lint.remediation.endswith("?lint=0015_rls_references_user_metadata")
    assert lint.detail.startswith("Table `public.notes` has a row level security policy `by_token` that references")


@pytest.mark.parametrize(
    ("rule", "made", "kind"),
    [
        ("materialized_view_in_api", "create materialized view {} as select 1 as one", "materialized view"),
        ("foreign_table_in_api", "create foreign table {} (one int) server elsewhere", "foreign table"),
    ],
)
def test_what_no_row_level_security_guards_in_the_api(advised: Advised, rule: str, made: str, kind: str) -> None:
    advised.has(
        "create foreign data wrapper nothing; create server elsewhere foreign data wrapper nothing",
        "create schema hidden",
        made.format("hidden.far"),
        made.format("near"),
        "grant select on hidden.far to anon",
    )
    assert advised.names() == [], "nobody of the API may read the one, and the API does not serve the other"
    advised.has("grant select on near to authenticated")
    (lint,) = advised.found()
    assert (lint.name, lint.level) == (rule, "WARN")
    assert lint.metadata.model_dump(exclude_none=True, by_alias=True) == {
        "schema": "public",
        "name": "near",
        "type": kind,
    }


def test_columns_that_keep_postgres_from_an_upgrade(advised: Advised) -> None:
    advised.has(
        "create table kept (id int primary key, relation regclass, role regrole, kind regtype)",
        "create table stuck (id int primary key, gone regproc, call regprocedure)",
        "alter table stuck drop column gone",
    )
    (lint,) = advised.found()
    assert (lint.name, lint.level) == ("unsupported_reg_types", "WARN")
    assert lint.detail == "Table `public.stuck` has a column `call` with unsupported reg* type `regprocedure`."
    assert lint.cache_key == "unsupported_reg_types_public_stuck_call"


def test_several_rules_at_once(advised: Advised) -> None:
    advised.has(
        "create table open (id int primary key); grant select on open to anon",
        "create view seen as select * from auth.users; grant select on seen to anon",
        "create function loose() returns int language sql as 'select 1'",
    )
    assert advised.names() == [
        ("auth_users_exposed", "seen"),
        ("function_search_path_mutable", "loose"),
        ("rls_disabled_in_public", "open"),
        ("security_definer_view", "seen"),
    ]
