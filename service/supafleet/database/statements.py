"""What a query consists of, as Postgres' own grammar has it, and what a read-only one may consist of."""

from supafleet.database.gateway import GatewayFailed, Gateways, ReachedProject
from supafleet.database.postgres import DatabaseRefused
from supafleet.errors import AppError

#: In a transaction that began read-only these change nothing. All others are refused: BEGIN, COMMIT, SET, DO and CALL
#: could end that transaction and begin one that writes.
_READING = {"SelectStmt", "ExplainStmt", "VariableShowStmt"}
_TRANSACTION = "TransactionStmt"
_SYNTAX_ERROR = "42601"


class NotReadOnly(AppError):  # noqa: N818 - a sentence about what happened reads better
    """A read-only query holds a statement that does more than read."""

    code = "not_read_only"


class EndsTransaction(AppError):  # noqa: N818 - a sentence about what happened reads better
    """A migration would leave the transaction that it is."""

    code = "ends_transaction"


async def require_reading(gateways: Gateways, project: ReachedProject, query: str) -> None:
    """Refuse a query that holds anything but SELECT, VALUES, TABLE, WITH, EXPLAIN and SHOW.

    Raises:
        NotReadOnly: it does.
        DatabaseRefused: it is no SQL.
    """
    if not set(await _kinds(gateways, project, query)) <= _READING:
        raise NotReadOnly(
            "query: a read-only query may hold only SELECT, VALUES, TABLE, WITH, EXPLAIN and SHOW; "
            "anything else takes a query without read_only, and a role that may write."
        )


async def require_one_transaction(gateways: Gateways, project: ReachedProject, field: str, query: str) -> None:
    """Refuse a migration that begins or ends a transaction itself.

    Raises:
        EndsTransaction: it does.
        DatabaseRefused: it is no SQL.
    """
    if _TRANSACTION in await _kinds(gateways, project, query):
        raise EndsTransaction(f"{field}: is one transaction already; leave BEGIN, COMMIT and the like out.")


async def _kinds(gateways: Gateways, project: ReachedProject, query: str) -> list[str]:
    answer = await gateways.ask(project, "POST", "/pg/query/parse", body={"query": query})
    if answer.status == 413:
        raise AppError("query: is longer than the project's postgres-meta takes, 3 MB in all.")
    if answer.status != 200:
        # The grammar's words come as the error of a program that did not expect them.
        words = answer.refusal().get("error")
        if not isinstance(words, str):
            raise GatewayFailed(f"The project's postgres-meta could not parse a query: it answered {answer.status}.")
        raise DatabaseRefused(f"Failed to run sql query: ERROR:  {_SYNTAX_ERROR}: {words}", _SYNTAX_ERROR)
    document = answer.document()
    try:
        return [kind for one in document.get("stmts") or [] for kind in one["stmt"]]
    except (AttributeError, KeyError, TypeError):
        raise GatewayFailed("The project's postgres-meta parsed a query into something unknown.") from None
