"""A session that only reads holds nothing back, and cannot write."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from supafleet.db import engine_from_url, reading, unit_of_work
from supafleet.organizations.models import Organization
from tests.integration.api.conftest import Api
from tests.integration.conftest import PostgresServer, end_backend, wait_for_the_end_of

#: What either database says to a connection that only reads.
READ_ONLY = "read-?only"


def names(api: Api) -> list[str]:
    with reading(api.engine) as session:
        return list(session.exec(select(Organization.name)))


def test_what_only_reads_cannot_write(api: Api) -> None:
    before = names(api)
    with reading(api.engine) as session:
        session.exec(select(Organization)).one().name = "Changed by a row"
        with pytest.raises(DBAPIError, match=READ_ONLY):
            session.exec(select(Organization)).one()
    with reading(api.engine) as session, pytest.raises(DBAPIError, match=READ_ONLY):
        session.execute(sa.update(Organization).values({"name": "Changed by a statement"}))
    with reading(api.engine) as session:
        session.delete(session.exec(select(Organization)).one())
        with pytest.raises(DBAPIError, match=READ_ONLY):
            session.commit()
    assert names(api) == before


def test_what_only_reads_sees_what_was_committed_meanwhile(api: Api) -> None:
    with reading(api.engine) as session:
        first = session.exec(select(Organization.name)).one()
        with unit_of_work(api.engine) as writing:
            writing.execute(sa.update(Organization).where(col(Organization.name) == first).values({"name": "Renamed"}))
        assert session.exec(select(Organization.name)).one() == "Renamed"


def test_a_connection_that_the_server_ended_is_replaced(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    engine, other = engine_from_url(url), engine_from_url(url)
    own_id = sa.select(sa.func.pg_backend_pid())

    def backends() -> tuple[int, int]:
        with reading(engine) as session:
            reader = session.execute(own_id).scalar_one()
        with unit_of_work(engine) as session:
            return reader, session.execute(own_id).scalar_one()

    before = backends()
    assert backends() == before
    for backend in before:
        end_backend(other, backend)
    assert set(backends()).isdisjoint(before)
    for one in (engine, other):
        one.dispose()
    postgres_server.drop_database(url)


def test_the_end_of_an_engine_ends_the_connections_that_only_read(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_database()
    engine, other = engine_from_url(url), engine_from_url(url)
    with reading(engine) as session:
        backend = session.execute(sa.select(sa.func.pg_backend_pid())).scalar_one()
    engine.dispose()
    wait_for_the_end_of(other, backend)
    other.dispose()
    postgres_server.drop_database(url)


def test_sqlite_tells_the_time_before_anything_of_the_jobs_is_imported(tmp_path: Path) -> None:
    program = (
        "import sys, sqlalchemy as sa; from supafleet.db import engine_from_url; "
        f"time = engine_from_url('sqlite:///{tmp_path}/x').connect().scalar(sa.text(\"SELECT unixepoch('subsec')\")); "
        "assert 'supafleet.jobs.durable' not in sys.modules; print(time)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert abs(float(told) - time.time()) < 60
