"""The database: engine, column types and the one place where transactions begin and end."""

import select
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Protocol

import sqlalchemy as sa
from fastapi import Depends, Request
from fastapi.concurrency import contextmanager_in_threadpool
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, Connection, Dialect, Engine, make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session, SQLModel

# Batch migrations on SQLite find constraints by name, so every constraint needs one before the first table exists.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

#: How long a connection to PostgreSQL may be silent: a server that hangs or is cut off must be noticed.
#: Less than the lease of a playbook: a beat that waits for a dead connection has another try before.
PATIENCE: dict[str, int] = {
    "connect_timeout": 10,
    # A connection that waits for an answer: probes after 10 s, gone 15 s later.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    # The same for one whose question never arrived, where the kernel would try for a quarter of an hour.
    "tcp_user_timeout": 25_000,
}

#: What gives rows.
Statement = sa.Select[*tuple[Any, ...]]

#: Options of an engine that has no transactions, and is told so once instead of with each use.
ONLY_READING: dict[str, Any] = {
    "isolation_level": "AUTOCOMMIT",
    "skip_autocommit_rollback": True,
    "pool_reset_on_return": None,
}

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

    def result_processor(self, dialect: Dialect, _coltype: object) -> Any:
        """Read SQLite's text at once, for a list has a hundred of them; PostgreSQL's sessions tell times in UTC."""
        return None if dialect.name == "postgresql" else _utc_of_text


def _utc_of_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(f"{value}+00:00")


def one_of(column: str, values: Iterable[str]) -> sa.CheckConstraint:
    """A CHECK that a text column holds one word of a vocabulary."""
    words = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({words})", name=column)


def table_of(model: type[SQLModel]) -> sa.FromClause:
    """The table behind a model: a statement over its columns gives rows, which cost a part of what objects do."""
    table: sa.FromClause = sa.inspect(model).local_table
    return table


@dataclass(frozen=True)
class Besides:
    """What a statement that finds an account is to tell besides, so that one round trip is enough.

    Attributes:
        widen: the statement with more columns, out of the statement and the column of the account's id.
        values: what the widened statement is asked with.
        is_of_many_rows: whether it tells something in each of many rows, and not in one.
    """

    widen: Callable[[Statement, sa.ColumnElement[int]], Statement]
    values: Mapping[str, str]
    is_of_many_rows: bool = False


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
    engine = create_engine(make_url(sqlalchemy_url(url)))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def create_engine(url: URL, **options: Any) -> Engine:
    """An engine whose connections are set up as ours; options are those of SQLAlchemy.

    Raises:
        ValueError: the URL is of another database.
    """
    # Parameters of a failed statement would carry secrets into logs.
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, hide_parameters=True, connect_args={"timeout": 30}, **options)
        event.listen(engine, "connect", _set_sqlite_pragmas)
        return engine
    if url.get_backend_name() == "postgresql":
        # One that reads and one that writes, and five more of `rows`: of the hundred connections that a server has.
        engine = sa.create_engine(url, hide_parameters=True, pool_size=5, max_overflow=5, pool_timeout=10, **options)
        listen_on_postgres(engine)
        return engine
    raise ValueError(f"database_url: {url.get_backend_name()} is not supported; use sqlite or postgresql")


def listen_on_postgres(engine: Engine) -> None:
    """Have the connections of an engine tell times in UTC, and those be replaced that their server has ended."""
    event.listen(engine, "connect", _set_postgres_zone)
    event.listen(engine, "checkout", _leave_closed)


def _set_sqlite_pragmas(connection: Any, _record: Any) -> None:
    # We emit BEGIN ourselves: the driver would begin late, and a read that turns into a write then fails at once.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _set_postgres_zone(connection: Any, _record: Any) -> None:
    connection.cursor().execute("SET timezone TO 'UTC'")
    connection.commit()


@event.listens_for(Engine, "connect")
def _give_old_sqlite_the_time(connection: Any, _record: Any) -> None:
    """Stand in for `unixepoch('subsec')`, which DBOS asks SQLite for from Python 3.12 on and which needs SQLite 3.42.

    Debian 12 has 3.40, where it is NULL. This stands here and not with the jobs: their rows are written over
    connections that may be made before anything of the jobs is imported.
    """
    if isinstance(connection, sqlite3.Connection) and sqlite3.sqlite_version_info < (3, 42):
        connection.create_function("unixepoch", 1, lambda _modifier: time.time())


@event.listens_for(Engine, "do_connect")
def _wait_in_bounds(dialect: Dialect, _record: Any, _words: list[Any], options: dict[str, Any]) -> None:
    """Have every connection to PostgreSQL notice a silent server, those of DBOS too; what the URL itself says stays."""
    if dialect.name == "postgresql":
        options.update({name: value for name, value in PATIENCE.items() if name not in options})


def _begin_sqlite(connection: Connection) -> None:
    is_writing = connection.get_execution_options().get("supafleet_writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writing else "BEGIN")


def _leave_closed(_connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    """Have a connection of the pool replaced, and all older ones, when its server has ended it meanwhile.

    There is something to read then, though nothing was asked: a look that costs no round trip.
    """
    connection: Any = record.driver_connection
    poll = select.poll()
    if not connection.closed:
        poll.register(connection.fileno(), select.POLLIN)
    if connection.closed or poll.poll(0):
        raise InvalidatePoolError


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


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session that only reads.

    It has no transaction: two statements of READ COMMITTED would not see the same rows anyway, and to begin and to end
    one costs two round trips. So its end waits for nobody.
    """
    with Session(_reading_engine(engine), expire_on_commit=False) as session:
        yield session


@lru_cache(maxsize=8)  # every request asks for it
def _reading_engine(engine: Engine) -> Engine:
    """Connections of its own, which are told once that they have no transactions instead of with each use."""
    reader = create_reading_engine(engine.url)
    event.listen(engine, "engine_disposed", lambda _: reader.dispose())
    return reader


def create_reading_engine(url: URL, **options: Any) -> Engine:
    """As `create_engine`, without transactions; the database refuses what it would write."""
    engine = create_engine(url, **ONLY_READING, **options)
    refuse_writing(engine)
    return engine


def refuse_writing(engine: Engine) -> None:
    """Have the database refuse what an engine for reading would write: that is a defect of ours."""
    is_sqlite = engine.dialect.name == "sqlite"
    statement = "PRAGMA query_only=ON" if is_sqlite else "SET default_transaction_read_only TO on"
    event.listen(engine, "connect", lambda connection, _record: connection.cursor().execute(statement))


def ping(engine: Engine) -> None:
    """Raise when the database does not answer."""
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))


async def get_engine(request: Request) -> Engine:
    """The application's engine."""
    engine: Engine = request.app.state.engine
    return engine


EngineDep = Annotated[Engine, Depends(get_engine)]


async def get_session(request: Request) -> AsyncIterator[Session]:
    """One request, one transaction."""
    engine = await get_engine(request)
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
