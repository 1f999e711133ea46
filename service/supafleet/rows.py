"""Rows on the event loop: who asks, and where they stand, without the thread that costs more than the query."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol, cast

import psycopg
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.util import greenlet_spawn

from supafleet.db import ONLY_READING, Statement, create_reading_engine, listen_on_postgres, refuse_writing

#: Connections to PostgreSQL: each request holds one for the time of a statement.
_CONNECTIONS = 5


class Rows(Protocol):
    """What a request that only reads is told without a thread; the database refuses anything else."""

    async def ask(self, statement: Statement, values: Mapping[str, str]) -> Sequence[Sequence[Any]]:
        """All rows."""

    async def close(self) -> None:
        """End the connections."""


class EmbeddedRows:
    """SQLite answers out of memory in less time than it takes to tell another thread what to ask.

    Readers wait for nobody in WAL mode, so neither does the loop.
    """

    def __init__(self, engine: Engine) -> None:
        # One connection, of the loop alone: what a thread holds it must not wait for.
        self._engine = create_reading_engine(engine.url, poolclass=StaticPool)

    async def ask(self, statement: Statement, values: Mapping[str, str]) -> Sequence[Sequence[Any]]:
        """All rows, at once."""
        with self._engine.connect() as connection:
            return connection.execute(statement, values).all()

    async def close(self) -> None:
        """End the connection."""
        self._engine.dispose()


class RemoteRows:
    """PostgreSQL is waited for. The driver is asked itself: a connection of SQLAlchemy's takes as long as the query."""

    def __init__(self, engine: Engine) -> None:
        # As with our other pools nobody is told of a parameter; a request that finds no connection free waits for one.
        self._engine = create_async_engine(
            engine.url, hide_parameters=True, pool_size=_CONNECTIONS, max_overflow=0, pool_timeout=10, **ONLY_READING
        )
        listen_on_postgres(self._engine.sync_engine)
        refuse_writing(self._engine.sync_engine)

    async def ask(self, statement: Statement, values: Mapping[str, str]) -> Sequence[Sequence[Any]]:
        """All rows, when they are there.

        Raises:
            DBAPIError: as the database's error would be told by SQLAlchemy.
        """
        compiled = _compiled(statement, self._engine.dialect)
        try:
            connection = await self._engine.raw_connection()
            try:
                driver = cast("psycopg.AsyncConnection[Any]", connection.driver_connection)
                return await (await driver.execute(compiled.string, compiled.construct_params(values))).fetchall()
            except BaseException:
                # Whether it can still be used is not known: it may have been left in the middle of an answer.
                await greenlet_spawn(connection.invalidate)
                raise
            finally:
                connection.close()
        except psycopg.Error as error:
            raise DBAPIError.instance(compiled.string, None, error, psycopg.Error, hide_parameters=True) from error

    async def close(self) -> None:
        """End the connections."""
        await self._engine.dispose()


@cache  # the few statements that requests ask are made once
def _compiled(statement: Statement, dialect: Dialect) -> SQLCompiler:
    return statement.compile(dialect=dialect)


def rows_of(engine: Engine) -> Rows:
    """Rows of the database that this engine is for."""
    return EmbeddedRows(engine) if engine.dialect.name == "sqlite" else RemoteRows(engine)
