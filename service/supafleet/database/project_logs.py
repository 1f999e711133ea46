"""Rows of a project's logs, out of the tables of its own Logflare."""

import re
from datetime import datetime
from typing import Any

from supafleet.database import postgres
from supafleet.database.gateway import GatewayFailed, Gateways, ReachedProject
from supafleet.database.log_queries import LogColumn, LogQuery
from supafleet.database.postgres import Login

_TABLE = re.compile(r"log_events(_[0-9a-f]{8}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{4}_[0-9a-f]{12})?")


async def read_logs(
    gateways: Gateways, project: ReachedProject, query: LogQuery, start: datetime | None, end: datetime | None
) -> list[dict[str, Any]]:
    """The newest rows, as the query names their columns.

    Raises:
        GatewayFailed: the project's Logflare keeps no such source, or keeps its rows in an unknown way.
    """
    if query.source is None:
        return []
    found = await postgres.rows(gateways, project, Login.LOGS, postgres.statement("logs_table"), [query.source.name])
    table = found[0]["name"] if found else None
    if not isinstance(table, str) or not _TABLE.fullmatch(table):
        raise GatewayFailed(f"The project's Logflare keeps nothing under {query.source.name}.")
    # The real one has a table for each source with all members in `body`, the stand-in one table for all.
    form = "logs_shared" if table == "log_events" else "logs_own"
    statement = postgres.statement(form).replace("log_events", table)
    path = query.source.path_prefix
    parameters = [query.source.name, path, start and start.isoformat(), end and end.isoformat(), query.limit]
    found = await postgres.rows(gateways, project, Login.LOGS, statement, parameters)
    return [{column.name: _value(row, column) for column in query.columns} for row in found]


def _value(row: dict[str, Any], column: LogColumn) -> Any:
    if not column.is_attribute:
        return row.get(column.path[0])
    value: Any = row.get("metadata")
    for step in column.path:
        # Lists of one are what the official pipeline makes of nested records.
        if isinstance(value, list) and value:
            value = value[0]
        value = value.get(step) if isinstance(value, dict) else None
    if value is None and column.path == ("identifier",):
        return row.get("project")
    return value
