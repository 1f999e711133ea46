"""The database: engine, column types and the one place where transactions begin and end."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Protocol

import sqlalchemy as sa
from fastapi import Depends, Request
from fastapi.concurrency import contextmanager_in_threadpool
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, Dialect, Engine, make_url
from sqlalchemy.orm import ORMExecuteState
from sqlmodel import Session, SQLModel

# Batch migrations on SQLite find constraints by name, so every constraint needs one before the first table exists.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# Without our BEGIN the driver of SQLite begins nothing; the one of PostgreSQL has to be told.
_UNTRANSACTED: dict[str, dict[str, Any]] = {"sqlite": {}, "postgresql": {"isolation_level": "AUTOCOMMIT"}}

JSON_TYPE: sa.types.TypeEngine[Any] = sa.JSON().with_variant(JSONB(), "postgresql")


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A time that is UTC and aware on every database; SQLite alone would give it back without its zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuse times without a zone, store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time must carry its zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Give the zone back that SQLite drops."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def one_of(column: str, values: Iterable[str]) -> sa.CheckConstraint:
    """A CHECK that a text column holds one word of a vocabulary."""
    words = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({words})", name=column)


class Row(Protocol):
    """A table row with a number as its key."""

    id: int | None


def row_id(row: Row) -> int:
    """The key of a row that was stored."""
    if row.id is None:
        raise RuntimeError(f"a {type(row).__name__} was used before it was stored")
    return row.id


def utc_now() -> datetime:
    """The present time, aware."""
    return datetime.now(UTC)


def sqlalchemy_url(url: str) -> str:
    """The URL with the driver we use: psycopg 3 for PostgreSQL."""
    parsed = make_url(url)
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed.render_as_string(hide_password=False)


def engine_from_url(url: str) -> Engine:
    """An engine for SQLite or PostgreSQL.

    Raises:
        ValueError: the URL is of another database.
    """
    parsed = make_url(sqlalchemy_url(url))
    # Parameters of a failed statement would carry secrets into logs.
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(parsed, hide_parameters=True, connect_args={"timeout": 30})
        event.listen(engine, "connect", _set_sqlite_pragmas)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if parsed.get_backend_name() == "postgresql":
        return sa.create_engine(
            parsed, hide_parameters=True, pool_size=10, max_overflow=10, pool_pre_ping=True, pool_timeout=10
        )
    raise ValueError(f"database_url: {parsed.get_backend_name()} is not supported; use sqlite or postgresql")


def _set_sqlite_pragmas(connection: Any, _record: Any) -> None:
    # We emit BEGIN ourselves: the driver would begin late, and a read that turns into a write then fails at once.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("supafleet_reading", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("supafleet_writing", False) else "BEGIN")


@contextmanager
def unit_of_work(engine: Engine) -> Iterator[Session]:
    """A session for one change: committed at the end, rolled back by any exception.

    On SQLite it takes the write lock at its beginning, so keep it short.
    """
    with Session(engine.execution_options(supafleet_writing=True), expire_on_commit=False) as session:
        try:
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise


class ReadingSession(Session):
    """A session that refuses to write: each of its statements is a transaction of its own."""

    def flush(self, objects: Sequence[Any] | None = None) -> None:  # noqa: ARG002 - the name is SQLAlchemy's
        """Refuse to store what was changed."""
        if self.new or self.dirty or self.deleted:
            raise WriteRefusedError


class WriteRefusedError(RuntimeError):
    """A defect of ours: something that only reads tried to write."""

    def __init__(self) -> None:
        super().__init__("a session that only reads was asked to write")


@event.listens_for(ReadingSession, "do_orm_execute")
def _refuse_writing(state: ORMExecuteState) -> None:
    statement = state.statement
    if not (state.is_select or (isinstance(statement, sa.TextClause) and statement.text.startswith("SELECT "))):
        raise WriteRefusedError


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session that only reads.

    It has no transaction: two statements of READ COMMITTED would not see the same rows anyway, and to begin and to end
    one costs two round trips. So its end waits for nobody.
    """
    with ReadingSession(_untransacted(engine), expire_on_commit=False) as session:
        yield session


@lru_cache(maxsize=8)  # every request asks for it
def _untransacted(engine: Engine) -> Engine:
    return engine.execution_options(supafleet_reading=True, **_UNTRANSACTED[engine.dialect.name])


def ping(engine: Engine) -> None:
    """Raise when the database does not answer."""
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))


async def get_engine(request: Request) -> Engine:
    """The application's engine."""
    engine: Engine = request.app.state.engine
    return engine


EngineDep = Annotated[Engine, Depends(get_engine)]


async def get_session(request: Request, engine: EngineDep) -> AsyncIterator[Session]:
    """One request, one transaction."""
    if request.method in ("GET", "HEAD"):
        with reading(engine) as session:  # neither its beginning nor its end asks the database for anything
            yield session
    else:
        async with contextmanager_in_threadpool(unit_of_work(engine)) as session:
            yield session


# Function scope: the commit happens before the response leaves, so a failed commit cannot answer 200.
SessionDep = Annotated[Session, Depends(get_session, scope="function")]


def database_time(session: Session) -> float:
    """Seconds since 1970 on the database's own clock: those of machines differ."""
    if session.get_bind().dialect.name == "sqlite":
        expression = "SELECT (julianday('now') - 2440587.5) * 86400.0"
    else:
        expression = "SELECT extract(epoch FROM clock_timestamp())"
    return float(session.execute(sa.text(expression)).scalar_one())
