"""What a client gives for a project's database that cannot be sent to it: refused by its field, and nothing is kept."""

from supafleet.database.gateway import MOST_AT_ONCE
from tests.integration.api.fake_gateway import Reply
from tests.integration.api.test_database_api import Database, database, gateway, refused

__all__ = ["database", "gateway"]


NO_JSON = [b"[NaN]", b"[-Infinity]", b"[1e999]", b'["\\ud800"]', b'[{"\\udc00": 1}]', b"[" * 150 + b"]" * 150]


def test_parameters_that_are_no_json_are_refused(database: Database) -> None:
    headers = {"Content-Type": "application/json"}
    for parameters in NO_JSON * MOST_AT_ONCE:
        for path in ("/database/query", "/database/query/read-only"):
            content = b'{"query": "select $1", "parameters": ' + parameters + b"}"
            message = refused(database.ask("POST", path, content=content, headers=headers), 422)
            assert message.startswith("parameters: must be JSON: without NaN"), parameters
    assert database.gateway.asked == []
    assert database.query("select $1", parameters=[{"a": [None, 1.5, "\U0001f9e8"]}]).status_code == 201


def test_texts_that_are_none_are_refused(database: Database) -> None:
    headers = {"Content-Type": "application/json"}
    for path, field in (
        ("/database/query", "query"),
        ("/database/query/read-only", "query"),
        ("/database/migrations", "query"),
        ("/database/migrations", "name"),
        ("/database/migrations", "rollback"),
    ):
        content = b'{"query": "select 1", "' + field.encode() + b'": "\\ud800"}'
        message = refused(database.ask("POST", path, content=content, headers=headers), 422)
        assert message.partition(":")[0] == field
    assert database.gateway.asked == []


def test_a_schema_that_cannot_be_one_is_refused(database: Database) -> None:
    database.gateway.answer = lambda _: Reply(body={"swagger": "2.0"})
    for name in ("\u00e9", "a b", "1a", "a,b", "a\r\nX: y") * MOST_AT_ONCE:
        message = refused(database.ask("GET", "/database/openapi", params={"schema": name}), 422)
        assert message == (
            "schema: must be at most 63 letters of a to z, digits, _ and $, and not begin with a digit or $"
        )
    assert database.gateway.asked == []
    for name in ("public", "My_$chema1", ""):
        assert database.ask("GET", "/database/openapi", params={"schema": name}).status_code == 200
    assert [asked.headers.get("accept-profile") for asked in database.gateway.asked] == ["public", "My_$chema1", None]
