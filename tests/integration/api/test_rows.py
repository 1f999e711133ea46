"""Rows that the event loop asks for itself: what they tell, and that nothing broken or slow stays with them."""

import asyncio
import socket
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from supafleet.db import engine_from_url
from supafleet.rows import RemoteRows, Rows, rows_of
from tests.integration.conftest import PostgresServer, end_backend, wait_for_the_end_of

Answer = TypeVar("Answer")
OWN_ID = sa.select(sa.func.pg_backend_pid())
WORD = sa.select(sa.bindparam("word", type_=sa.String), sa.literal(True))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = engine_from_url(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[Engine]:
    url = postgres_server.create_database()
    engine = engine_from_url(url)
    yield engine
    engine.dispose()
    postgres_server.drop_database(url)


async def closing(rows: Rows, work: Coroutine[Any, Any, Answer]) -> Answer:
    try:
        return await work
    finally:
        await rows.close()


async def own_id(rows: Rows) -> int:
    ((backend,),) = await rows.ask(OWN_ID, {})
    return int(backend)


def test_values_are_told_as_they_are_asked_for(engine: Engine) -> None:
    rows = rows_of(engine)

    async def ask() -> list[list[Any]]:
        return [list(row) for word in ("it's", "%(word)s", ":word", "") for row in await rows.ask(WORD, {"word": word})]

    told = asyncio.run(closing(rows, ask()))
    assert told == [["it's", True], ["%(word)s", True], [":word", True], ["", True]]


def test_nothing_can_be_written(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE thing (id integer)"))
    rows = rows_of(engine)
    statement: Any = sa.text("INSERT INTO thing VALUES (1)")
    with pytest.raises(DBAPIError, match=r"read-?only"):
        asyncio.run(closing(rows, rows.ask(statement, {})))
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM thing")).scalar_one() == 0


def test_an_error_is_told_like_that_of_any_other_query_and_without_its_values(engine: Engine) -> None:
    rows = rows_of(engine)
    statement: Any = sa.text("SELECT word FROM nowhere WHERE word = :word")

    async def ask() -> Any:
        with pytest.raises(DBAPIError, match="nowhere") as refused:
            await rows.ask(statement, {"word": "secret-word"})
        return refused.value, await rows.ask(WORD, {"word": "again"})

    error, again = asyncio.run(closing(rows, ask()))
    assert "secret-word" not in str(error)
    assert [list(row) for row in again] == [["again", True]]


def test_a_connection_that_the_server_ended_is_replaced(postgres: Engine) -> None:
    rows = rows_of(postgres)

    async def ask() -> tuple[int, int]:
        before = await own_id(rows)
        assert await own_id(rows) == before
        await asyncio.to_thread(end_backend, postgres, before)
        return before, await own_id(rows)

    before, after = asyncio.run(closing(rows, ask()))
    assert before != after


def test_a_connection_that_ends_in_the_middle_of_a_question_is_not_used_again(postgres: Engine) -> None:
    rows = rows_of(postgres)

    async def ask() -> tuple[int, int]:
        backend = await own_id(rows)
        asked = asyncio.create_task(rows.ask(sa.select(sa.func.pg_sleep(60)), {}))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(end_backend, postgres, backend)
        with pytest.raises(OperationalError):
            await asked
        return backend, await own_id(rows)

    before, after = asyncio.run(closing(rows, ask()))
    assert before != after


def test_a_question_that_is_given_up_leaves_no_answer_to_the_next(postgres: Engine) -> None:
    rows = rows_of(postgres)

    async def ask() -> Any:
        for _ in range(8):  # more than there are connections
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await rows.ask(sa.select(sa.func.pg_sleep(60)), {})
        return await rows.ask(WORD, {"word": "mine"})

    assert [list(row) for row in asyncio.run(closing(rows, ask()))] == [["mine", True]]


def test_a_server_that_is_away_is_told_as_by_any_other_query() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        engine = engine_from_url(f"postgresql://someone@127.0.0.1:{nobody.getsockname()[1]}/nothing")
        rows = rows_of(engine)
        with pytest.raises(OperationalError, match="refused"):
            asyncio.run(closing(rows, own_id(rows)))
    engine.dispose()


def test_more_questions_than_connections_wait_and_the_loop_goes_on(postgres: Engine) -> None:
    rows = rows_of(postgres)
    assert isinstance(rows, RemoteRows)

    async def ask() -> int:
        asked = asyncio.gather(*(rows.ask(sa.select(sa.func.pg_sleep(0.2)), {}) for _ in range(12)))
        turns = 0
        while not asked.done():
            turns += 1
            await asyncio.sleep(0.01)
        await asked
        return turns

    assert asyncio.run(closing(rows, ask())) > 10


def test_their_end_ends_the_connections(postgres: Engine) -> None:
    rows = rows_of(postgres)
    backend = asyncio.run(closing(rows, own_id(rows)))
    wait_for_the_end_of(postgres, backend)
