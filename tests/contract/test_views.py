"""The readers that the contract rests on, on small inputs with known answers."""

import pytest
from kong_view import transform
from lua_expression import UnknownLuaError, evaluate, render_template
from rendered_stack import read_environment
from sql_view import other_statements, sql_effects
from vector_view import program_facts

SCOPE = {"headers": {"apikey": "key", "authorization": "Bearer sb_x"}, "query_params": {}}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("headers.apikey", "key"),
        ("headers['apikey']", "key"),
        ("headers.nothing", None),
        ("headers.nothing == nil and 'none' or 'some'", "none"),
        ("headers.nothing ~= nil and headers.nothing:sub(1, 2) or 'left out'", "left out"),
        ("(headers.authorization:sub(1, 10) ~= 'Bearer sb_' and headers.authorization) or headers.apikey", "key"),
        ("string.sub(headers.authorization, -4)", "sb_x"),
        ("not headers.nothing", True),
        ("'Bearer ' .. headers.apikey", "Bearer key"),
        ("headers.authorization:find('^Bearer sb_') and 1 or 2", 1),
        ("#headers.apikey", 3),
    ],
)
def test_lua_expressions(expression, value):
    assert evaluate(expression, SCOPE) == value


@pytest.mark.parametrize(
    "expression", ["os.exit()", "headers.nothing.more", "1 +", "ngx", "headers.apikey:gsub('a', 'b')", "(1"]
)
def test_lua_that_is_not_understood_raises(expression):
    with pytest.raises(UnknownLuaError):
        evaluate(expression, SCOPE)


def test_a_template_mixes_text_and_lua():
    assert render_template("Bearer $(headers.apikey or ')')!", SCOPE) == "Bearer key!"
    assert render_template("$(headers.nothing)", SCOPE) == ""


def test_the_transformer_adds_only_what_is_missing_and_replaces_only_what_is_there():
    config = {
        "remove": {"headers": ["x"]},
        "add": {"headers": ["a: 1", "x: 2"]},
        "replace": {"headers": ["a: 3", "b: 4"]},
    }
    assert transform(config, {"a": "0", "x": "forged"}, {}) == ({"a": "3", "x": "2"}, {})


def test_environment_lines_are_single_quoted():
    assert read_environment("A='x y'\nB='it\\'s $5'\n") == {"A": "x y", "B": "it's $5"}
    with pytest.raises(ValueError, match="the environment line of A is not"):
        read_environment("A=x\n")


def test_facts_of_a_vector_program():
    program = """
    # .comment = "no"
    req, err = parse_nginx_log(.event_message, "combined")
    if err != null { abort }
    .timestamp = req.timestamp
    .metadata.context[0].pid = req.pid
    .metadata.host = "db-default"
    .metadata |= req
    if .level == "x" { .seen, e = to_string(.y) }
    .project = del(.old)
    """
    assert program_facts(program) == {
        "outputs": [".metadata.context[0].pid", ".metadata.host", ".project", ".seen", ".timestamp"],
        "deletes": [".old"],
        "merges": [".metadata"],
        "parses": ["parse_nginx_log combined"],
        "constants": {".metadata.host": "db-default"},
        "aborts": True,
    }


def test_effects_of_an_sql_file():
    text = """
    \\set owner `echo "$POSTGRES_USER"`
    \\set secret `echo "$PGPASSWORD"`
    \\c _supabase
    CREATE SCHEMA IF NOT EXISTS _analytics; -- CREATE SCHEMA no;
    ALTER SCHEMA _analytics OWNER TO :owner;
    ALTER USER authenticator WITH PASSWORD :'secret';
    """
    assert sql_effects(text) == {
        "connects": ["_supabase"],
        "schemas": ["_analytics"],
        "owners": ["POSTGRES_USER"],
        "passwords": {"authenticator": "PGPASSWORD"},
    }
    assert other_statements(text) == []


def test_statements_that_no_effect_tells_are_told_in_the_same_words():
    text = """
    begin; -- GRANT nothing;
    GRANT  USAGE ON SCHEMA "a"
      TO b, c;
    alter USER b SET search_path = "a";
    create or replace function a.f() returns int language sql as $$ select 1; $$;
    do $body$ begin if exists (select from pg_roles where rolname = 'gone') then drop role gone; end if; end $body$;
    comment on table a.t is 'anything';
    create table a.t (id int, constraint c check (id > 0));
    commit;
    """
    assert other_statements(text) == [
        "alter role b set search_path = a",
        "comment on table a.t",
        "create function a.f",
        "do about gone",
        "grant usage on schema a to b, c",
    ]
