"""The queries of logs that official clients send, read by shape: which logs, which columns, how many rows.

They are written for stores that a project does not have (ClickHouse, BigQuery), so what has another shape is refused.
"""

import re
from dataclasses import dataclass

from supafleet.errors import AppError, allowed, quote

MOST_ROWS = 1000
_DEFAULT_ROWS = 100
_LONGEST = 4000


class QueryNotAvailable(AppError):  # noqa: N818 - a sentence about what happened reads better
    """A query of logs of another shape."""

    status_code = 501
    code = "query_not_available"


@dataclass(frozen=True)
class Source:
    """Where the pipeline of a project keeps logs: a source's name, and the beginning of the paths of its requests."""

    name: str
    path_prefix: str | None = None


@dataclass(frozen=True)
class LogColumn:
    """A column of the answer: a member of the row itself, or a path into its attributes."""

    name: str
    path: tuple[str, ...]
    is_attribute: bool


@dataclass(frozen=True)
class LogQuery:
    """A query that can be answered; without a source there are no rows."""

    source: Source | None
    columns: tuple[LogColumn, ...]
    limit: int


_GATEWAY = "cloudflare.logs.prod"
_FUNCTIONS = "deno-relay-logs"
#: By the names of tables and sources in clients' queries.
SOURCES = {
    "edge_logs": Source(_GATEWAY),
    "postgres_logs": Source("postgres.logs"),
    "postgrest_logs": Source("postgREST.logs.prod"),
    "auth_logs": Source("gotrue.logs.prod"),
    "storage_logs": Source("storage.logs.prod.2"),
    "realtime_logs": Source("realtime.logs.prod"),
    # What functions print, and the requests to them as the gateway saw them.
    "function_logs": Source(_FUNCTIONS),
    "function_edge_logs": Source(_GATEWAY, "/functions/v1/"),
}
#: Official sources of what no project has: branches with workflows, poolers, upgrades of Postgres.
_ABSENT = frozenset({"workflow_run_logs", "supavisor_logs", "pgbouncer_logs", "pg_upgrade_logs"})
#: What is asked for when nothing is: the newest requests that the gateway saw.
DEFAULT_UNIFIED = "select id, timestamp, event_message from logs where source = 'edge_logs' order by timestamp desc"
DEFAULT_PER_TABLE = "select id, timestamp, event_message from edge_logs order by timestamp desc"
_MEMBERS = ("id", "timestamp", "event_message")

_NAME = r"[a-z_][a-z0-9_]*"
# Queries are matched with one space where they have white space: no text then takes longer than its length, while
# several repetitions of white space side by side could share it out in a number of ways that grows with its cube.
_SELECT = r"select (?P<columns>.+?) from"
_END = r"(?: order by (?:\w+\.)?timestamp desc)?(?: limit (?P<limit>\d{1,9}))? ?;?"
_UNIFIED = re.compile(rf"{_SELECT} logs where source ?= ?'(?P<source>{_NAME})'{_END}", re.I)
_PER_TABLE = re.compile(
    rf"{_SELECT} (?P<source>{_NAME})(?: as (?P<alias>{_NAME}))?"
    rf"(?P<joins>(?: cross join unnest\( ?[\w.]+ ?\) as {_NAME})*){_END}",
    re.I,
)
_HINTS = {
    _UNIFIED: "sql: only this is available: "
    "select <columns> from logs where source = '<source>' order by timestamp desc limit <number>.",
    _PER_TABLE: "sql: only this is available: "
    "select <columns> from <source> [cross join unnest(metadata) as m ...] order by timestamp desc limit <number>.",
}
_JOIN = re.compile(rf"unnest\( ?([\w.]+) ?\) as ({_NAME})", re.I)
_COLUMN = re.compile(
    rf"(?:log_attributes\[ ?'(?P<path>[\w.-]+)' ?\]|(?P<member>[\w.]+))(?: as (?P<name>{_NAME}))?", re.I
)


def read_unified(sql: str) -> LogQuery:
    """A query of the one table `logs`.

    Raises:
        QueryNotAvailable: it is of another shape.
    """
    return _read(sql, _UNIFIED)


def read_per_table(sql: str) -> LogQuery:
    """A query of one of the tables `edge_logs`, `postgres_logs` and so on.

    Raises:
        QueryNotAvailable: it is of another shape.
    """
    return _read(sql, _PER_TABLE)


def _read(sql: str, shape: re.Pattern[str]) -> LogQuery:
    found = shape.fullmatch(" ".join(sql.split())) if len(sql) <= _LONGEST else None
    if found is None:
        raise QueryNotAvailable(_HINTS[shape])
    name = found["source"].lower()
    source = SOURCES.get(name)
    if source is None and name not in _ABSENT:
        raise QueryNotAvailable(f"sql: a project keeps no {quote(name)}; it keeps {allowed(SOURCES)}.")
    members = found.groupdict()
    aliases = _aliases(name, members.get("alias"), members.get("joins") or "")
    columns = tuple(_column(text, aliases) for text in found["columns"].split(","))
    limit = int(found["limit"]) if found["limit"] else _DEFAULT_ROWS
    return LogQuery(source, columns, min(limit, MOST_ROWS))


def _aliases(table: str, alias: str | None, joins: str) -> dict[str, tuple[str, ...] | None]:
    """What stands before a dot: None for the row itself, else the path of attributes it stands for."""
    known: dict[str, tuple[str, ...] | None] = {table: None, alias or table: None, "metadata": ()}
    for place, name in _JOIN.findall(joins):
        known[name] = _path(place, known)
    return known


def _path(place: str, aliases: dict[str, tuple[str, ...] | None]) -> tuple[str, ...]:
    head, *rest = place.split(".")
    base = aliases.get(head, (head,))
    if base is None:
        base, rest = (), rest[1:] if rest[:1] == ["metadata"] else rest
    return (*base, *rest)


def _column(text: str, aliases: dict[str, tuple[str, ...] | None]) -> LogColumn:
    found = _COLUMN.fullmatch(text.strip())
    if found is None:
        raise QueryNotAvailable(f"sql: {quote(text)} is not a column that can be asked for.")
    if found["path"]:
        path = tuple(found["path"].split("."))
        return LogColumn(found["name"] or found["path"], path, is_attribute=True)
    head, *rest = found["member"].split(".")
    name = found["name"] or (rest[-1] if rest else head)
    if (not rest or aliases.get(head, ()) is None) and (rest or [head])[-1] in _MEMBERS:
        return LogColumn(name, ((rest or [head])[-1],), is_attribute=False)
    return LogColumn(name, _path(found["member"], aliases), is_attribute=True)
