"""What Studio asks a project's own postgres-meta, through the project's gateway, as the owner of the database."""

from enum import StrEnum
from typing import Any

from supafleet.database import postgres
from supafleet.database.gateway import Answer, GatewayFailed, Gateways, ReachedProject
from supafleet.database.postgres import Login
from supafleet.errors import AppError, NotFound, quote


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


async def ask(
    gateways: Gateways,
    project: ReachedProject,
    method: str,
    path: str,
    *,
    params: tuple[tuple[str, str], ...] = (),
    body: Any = None,
) -> bytes:
    """What postgres-meta answers, as JSON.

    Raises:
        GatewayFailed: it does not answer, or not as postgres-meta does.
        LoginRefused: no known password is the owner's.
        GatewayTimeout, TooManyRequests, AnswerTooLarge: as `Gateways.ask`.
        NotFound: it knows nothing of this id.
        StatementRefused: it refuses what it was asked.
    """
    # A session that postgres-meta began by itself would know neither our limits nor a password that is being changed.
    answer = await postgres.answered(gateways, project, Login.OWNER, method, f"/pg/{path}", params=params, body=body)
    if answer.is_success and answer.is_json:
        return answer.body
    if answer.status == 404:
        raise NotFound(_reason(answer))
    if answer.status in (400, 409, 422):
        raise StatementRefused(_reason(answer))
    what = " with something that is not JSON" if answer.is_success else ""
    raise GatewayFailed(f"The database API of project {quote(project.ref)} answered {answer.status}{what}.")


def _reason(answer: Answer) -> str:
    for words in map(answer.refusal().get, ("message", "error")):
        if isinstance(words, str):
            return words
    return f"The database API refuses it ({answer.status})."
