"""Queries of logs are read by shape: those of official clients are known, all else is refused."""

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
