"""A PostgreSQL server that hangs is noticed."""

import socket
import time

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from supafleet import db
from supafleet.db import engine_from_url, ping


def test_a_server_that_does_not_answer_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(db.PATIENCE, "connect_timeout", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = engine_from_url(f"postgresql://somebody@127.0.0.1:{silent.getsockname()[1]}/nothing")
        began = time.monotonic()
        with pytest.raises(OperationalError):
            ping(engine)
        assert time.monotonic() - began < 20


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_falls_silent_is_given_up_within_a_lease(database_url: str) -> None:
    engine = engine_from_url(f"{database_url}&keepalives_idle=7")
    with engine.connect() as connection:
        told = _parameters(connection)
    engine.dispose()

    assert told["keepalives_idle"] == "7", "what the URL says stays"
    assert int(told["tcp_user_timeout"]) <= 30_000
    assert int(told["keepalives_interval"]) * int(told["keepalives_count"]) <= 20


def _parameters(connection: sa.Connection) -> dict[str, str]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver.info.get_parameters()
