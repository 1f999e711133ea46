"""Queries of logs are read by shape: those of official clients are known, all else is refused."""

import time

import pytest

from supafleet.database.log_queries import MOST_ROWS, QueryNotAvailable, read_per_table, read_unified

#: Of the MCP server: what it asks for each service, and the sources behind it.
UNIFIED = {
    "id, timestamp, event_message, log_attributes['request.method'] as method, "
    "log_attributes['response.status_code'] as status_code|edge_logs": "cloudflare.logs.prod",
    "log_attributes['identifier'] as identifier, timestamp, id, event_message, "
    "log_attributes['parsed.error_severity'] as error_severity|postgres_logs": "postgres.logs",
    "id, timestamp, event_message, log_attributes['execution_time_ms'] as execution_time_ms"
    "|function_edge_logs": "cloudflare.logs.prod",
    "id, timestamp, event_message, severity_text, log_attributes['level'] as level|function_logs": "deno-relay-logs",
    "id, timestamp, event_message, log_attributes['msg'] as msg|auth_logs": "gotrue.logs.prod",
    "id, timestamp, event_message|storage_logs": "storage.logs.prod.2",
    "id, timestamp, event_message|realtime_logs": "realtime.logs.prod",
}


def test_the_queries_of_the_mcp_server_are_known() -> None:
    for text, name in UNIFIED.items():
        columns, source = text.split("|")
        query = read_unified(
            f"select {columns}\nfrom logs\nwhere source = '{source}'\norder by timestamp desc\nlimit 100\n"
        )
        assert (query.source.name, query.limit) == (name, 100)
        assert [column.name for column in query.columns][-1] == columns.split()[-1]


def test_columns_are_members_or_paths() -> None:
    query = read_per_table(
        "select id, t.timestamp, event_message, m.level, request.method, identifier, metadata.host, m.timestamp as at "
        "from edge_logs as t cross join unnest(metadata) as m cross join unnest(m.request) as request "
        "order by t.timestamp desc limit 5000"
    )
    assert query.limit == MOST_ROWS
    assert [(column.name, column.path, column.is_attribute) for column in query.columns] == [
        ("id", ("id",), False),
        ("timestamp", ("timestamp",), False),
        ("event_message", ("event_message",), False),
        ("level", ("level",), True),
        ("method", ("request", "method"), True),
        ("identifier", ("identifier",), True),
        ("host", ("host",), True),
        ("at", ("timestamp",), True),
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "select 1",
        "select count(*) from logs where source = 'edge_logs'",
        "select id from logs",
        "select id from logs where source = 'edge_logs' and event_message like '%x%'",
        "select id from logs where source = 'edge_logs' order by timestamp asc",
        "select id from logs where source = 'edge_logs'; drop table logs",
        "select id from logs where source = 'unknown_logs'",
        "select " + "id, " * 2000 + "id from logs where source = 'edge_logs'",
    ],
)
def test_all_else_is_refused(sql: str) -> None:
    with pytest.raises(QueryNotAvailable, match=r"^sql: "):
        read_unified(sql)


#: As long as a query may be, and each made so that something in it could be read in many ways.
STRETCHED = [
    "select" + " " * 3980 + "x",
    "select a" + " \n" * 1900 + "from",
    "select a from logs where source" + " " * 3960,
    "select a from logs where source = 'edge_logs'" + " " * 3900 + "x",
    "select" + " from" * 790,
    "select a from edge_logs" + " cross join unnest(m) as from" * 130 + " x",
    "select a from edge_logs cross join unnest(" + "m." * 1900,
    "select " + "a ," * 1200 + " from edge_logs order by " + "t" * 300,
    "select a" + " " * 3000 + "b, c from edge_logs",
    "select log_attributes[" + " " * 3900 + "from edge_logs",
]


@pytest.mark.parametrize("sql", STRETCHED, ids=range(len(STRETCHED)))
def test_a_query_of_any_kind_is_read_at_once(sql: str) -> None:
    began = time.monotonic()
    for read in (read_unified, read_per_table):
        with pytest.raises(QueryNotAvailable, match=r"^sql: "):
            read(sql)
    assert time.monotonic() - began < 5


def test_white_space_is_as_wide_as_it_likes() -> None:
    wide = "\n select\tid ,  log_attributes[ 'a.b' ]\n as  b from  logs where source='edge_logs'\r\n limit  7 ; "
    query = read_unified(wide)
    assert ([column.name for column in query.columns], query.limit) == (["id", "b"], 7)
    query = read_per_table("select  m.level\nfrom edge_logs\n cross  join unnest( metadata )\tas  m")
    assert [column.path for column in query.columns] == [("level",)]
