"""Migrations of a project's database and their history, in the table that the command line of Supabase knows, too."""

from typing import Any

from pydantic import ValidationError

from supafleet.database import postgres
from supafleet.database.gateway import GatewayFailed, Gateways, ReachedProject
from supafleet.database.postgres import DatabaseRefused, Login
from supafleet.database.schemas import Migration, MigrationCreate, MigrationPatch
from supafleet.database.statements import require_one_transaction
from supafleet.errors import AppError, Conflict, NotFound, quote

_NO_SUCH_TABLE = ("42P01", "3F000")
_CHANGED_MEANWHILE = "SF001"


class NothingToRollBackWith(AppError):  # noqa: N818 - a sentence about what happened reads better
    """A migration has no statements that undo it."""

    code = "no_rollback"


async def list_migrations(gateways: Gateways, project: ReachedProject) -> list[Migration]:
    """All migrations, the oldest first; none when there is no history yet."""
    return await _read(gateways, project, "migrations_list", [])


async def get_migration(gateways: Gateways, project: ReachedProject, version: str) -> Migration:
    """One migration.

    Raises:
        NotFound: the history has no such version.
    """
    found = await _read(gateways, project, "migrations_get", [version])
    if not found:
        raise _unknown(version)
    return found[0]


async def apply(
    gateways: Gateways, project: ReachedProject, migration: MigrationCreate, key: str | None, author: str
) -> None:
    """Run a migration and put it into the history, in one transaction; one whose key is there is not run again.

    Raises:
        EndsTransaction: it begins or ends a transaction itself.
        DatabaseRefused: it failed, and nothing of it stays.
    """
    if key is not None and await _read(gateways, project, "migrations_by_key", [key]):
        return
    await require_one_transaction(gateways, project, "query", migration.query)
    record = postgres.statement("migrations_table") + _recorded("migrations_insert", migration, key, author)
    try:
        # The record comes first: of two requests with one key the second waits for the first, and then fails.
        await postgres.run(gateways, project, Login.OWNER, f"{record}\n{migration.query}\n;")
    except DatabaseRefused as error:
        if key is None or not await _read(gateways, project, "migrations_by_key", [key]):
            raise _without_record(error, record) from None


async def put(
    gateways: Gateways, project: ReachedProject, migration: MigrationCreate, key: str | None, author: str
) -> None:
    """Put a migration into the history without running it; one with the same key is replaced."""
    record = postgres.statement("migrations_table") + _recorded("migrations_put", migration, key, author)
    await postgres.run(gateways, project, Login.OWNER, record)


async def patch(gateways: Gateways, project: ReachedProject, version: str, change: MigrationPatch) -> None:
    """Change name and rollback of a migration in the history; what is not named stays.

    Raises:
        NotFound: the history has no such version.
    """
    await get_migration(gateways, project, version)
    given = change.model_dump(exclude_unset=True)
    query = postgres.statement("migrations_table") + postgres.fill(
        postgres.statement("migrations_patch"),
        version=version,
        has_name=str("name" in given).lower(),
        name=change.name,
        has_rollback=str("rollback" in given).lower(),
        rollback=change.rollback,
    )
    if not await postgres.rows(gateways, project, Login.OWNER, query):
        raise _unknown(version)


async def roll_back(gateways: Gateways, project: ReachedProject, first: str) -> None:
    """Undo all migrations from a version on, the newest first, and take them out of the history, in one transaction.

    Raises:
        NothingToRollBackWith: one of them has no rollback; nothing is undone.
        EndsTransaction: a rollback begins or ends a transaction itself.
        Conflict: the history changed meanwhile; nothing is undone.
        DatabaseRefused: a rollback failed, and nothing is undone.
    """
    undone = await _read(gateways, project, "migrations_from", [first])
    without = [one.version for one in undone if not one.rollback]
    if without:
        raise NothingToRollBackWith(f"gte: the migration {without[0]} has no rollback, so it cannot be undone.")
    if not undone:
        return
    parts = [
        postgres.fill(
            postgres.statement("migrations_guard"), first=first, versions=",".join(one.version for one in undone)
        )
    ]
    for one in undone:
        for text in one.rollback or []:
            await require_one_transaction(gateways, project, f"rollback of {one.version}", text)
            parts.append(f"{text}\n;")
        parts.append(postgres.fill(postgres.statement("migrations_delete"), version=one.version))
    try:
        await postgres.run(gateways, project, Login.OWNER, "\n".join(parts))
    except DatabaseRefused as error:
        if error.sqlstate == _CHANGED_MEANWHILE:
            raise Conflict("The history of migrations changed meanwhile: nothing was undone, ask again.") from None
        raise


def _recorded(name: str, migration: MigrationCreate, key: str | None, author: str) -> str:
    return postgres.fill(
        postgres.statement(name),
        query=migration.query,
        name=migration.name,
        rollback=migration.rollback,
        key=key,
        author=author,
    )


def _without_record(error: DatabaseRefused, record: str) -> DatabaseRefused:
    """The error with the line as the client counts it: our own lines stand above its query."""
    ours = record.count("\n") + 1
    head, mark, tail = error.message.partition("\nLINE ")
    number, colon, rest = tail.partition(":")
    if not mark or not colon or not number.isdigit() or int(number) <= ours:
        return DatabaseRefused(head, error.sqlstate)
    return DatabaseRefused(f"{head}{mark}{int(number) - ours}{colon}{rest}", error.sqlstate)


async def _read(gateways: Gateways, project: ReachedProject, name: str, parameters: list[Any]) -> list[Migration]:
    try:
        found = await postgres.rows(gateways, project, Login.CATALOGUE, postgres.statement(name), parameters)
        # Whole rows: a table that the command line made has fewer columns.
        return [Migration.model_validate(row["migration"]) for row in found]
    except DatabaseRefused as error:
        if error.sqlstate in _NO_SUCH_TABLE:
            return []
        raise
    except (KeyError, ValidationError):
        raise GatewayFailed("The history of migrations holds something that is not a migration.") from None


def _unknown(version: str) -> NotFound:
    return NotFound(f"Migration {quote(version)} does not exist.")
