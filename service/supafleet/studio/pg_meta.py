"""The way to a project's own postgres-meta: through its gateway, with its service_role key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx
from sqlalchemy.engine import Engine

from supafleet.accounts.service import Actor
from supafleet.database.service import require_up
from supafleet.db import reading, utc_now
from supafleet.errors import AppError, HostFailed, NotFound, quote
from supafleet.hosts import service as hosts
from supafleet.projects import service as projects
from supafleet.settings import Settings

_TIMEOUT = httpx.Timeout(60.0, connect=5.0)


class Collection(StrEnum):
    """What Studio lists and changes in a database."""

    COLUMN_PRIVILEGES = "column-privileges"
    COLUMNS = "columns"
    EXTENSIONS = "extensions"
    FOREIGN_TABLES = "foreign-tables"
    FUNCTIONS = "functions"
    MATERIALIZED_VIEWS = "materialized-views"
    POLICIES = "policies"
    PUBLICATIONS = "publications"
    ROLES = "roles"
    SCHEMAS = "schemas"
    TABLE_PRIVILEGES = "table-privileges"
    TABLES = "tables"
    TRIGGERS = "triggers"
    TYPES = "types"
    VIEWS = "views"


class StatementRefused(AppError):  # noqa: N818 - a sentence about what happened reads better
    """The database, or postgres-meta before it, refused what it was asked."""

    code = "statement_refused"


@dataclass(frozen=True)
class Database:
    """A project's postgres-meta, and what is told of the project when it does not answer."""

    ref: str
    status: str
    url: str
    key: str = field(repr=False)


def locate(engine: Engine, ref: str, actor: Actor, settings: Settings) -> Database:
    """The project's postgres-meta; nothing of our own database is held while it is asked.

    Raises:
        ProjectNotFound, Forbidden: as `get_project`.
        ProjectNotUp: it is paused, or not yet or no longer up.
    """
    with reading(engine) as session:
        project = projects.get_project(session, ref, actor)
        require_up(project)
        host = hosts.get_host(session, project.host_id)
        values = projects.reveal_secrets(session, project, settings)
        return Database(
            ref=ref,
            status=projects.served_status(project, host, settings, utc_now()).status,
            url=f"{projects.public_url(project, host)}/pg",
            key=projects.gateway_key(project, values),
        )


def ask(
    database: Database, method: str, path: str, *, params: Sequence[tuple[str, str]] = (), body: Any = None
) -> bytes:
    """What postgres-meta answers, as JSON.

    Raises:
        HostFailed: it does not answer, or not as postgres-meta does.
        NotFound: it knows nothing of this id.
        StatementRefused: it refuses what it was asked.
    """
    headers = {"apikey": database.key, "Authorization": f"Bearer {database.key}"}
    try:
        # The environment's proxies have no business with a project's key.
        with httpx.Client(timeout=_TIMEOUT, trust_env=False, headers=headers) as client:
            answer = client.request(method, f"{database.url}/{path}", params=tuple(params), json=body)
    except httpx.HTTPError as error:
        raise HostFailed(
            f"The database API of project {quote(database.ref)}, which is {database.status}, does not answer "
            f"({type(error).__name__})."
        ) from None
    if answer.is_success and "json" in answer.headers.get("content-type", ""):
        return answer.content
    if answer.status_code == 404:
        raise NotFound(_reason(answer))
    if answer.status_code in (400, 409, 422):
        raise StatementRefused(_reason(answer))
    what = " with something that is not JSON" if answer.is_success else ""
    raise HostFailed(f"The database API of project {quote(database.ref)} answered {answer.status_code}{what}.")


def _reason(answer: httpx.Response) -> str:
    try:
        document = answer.json()
    except ValueError:
        document = None
    if isinstance(document, dict):
        for name in ("message", "error"):
            if isinstance(document.get(name), str):
                return str(document[name])
    return f"The database API refuses it ({answer.status_code})."
