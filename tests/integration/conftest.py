"""Databases for tests: a fresh SQLite file, or a fresh database of a PostgreSQL server that the tests start."""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supafleet.db import reading

DATABASES = ["sqlite", "postgresql"]
_PORT = 5432
_numbers = itertools.count()


class PostgresServer:
    """A server in a folder of its own, reached by a unix socket there and by nothing else."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self._programs = programs
        self._is_root = os.geteuid() == 0

    def create(self) -> None:
        """Make the empty server."""
        if self._is_root:
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        self._run("initdb", "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        """Start it, for the first time or again."""
        options = f"-k {self.folder} -p {_PORT} -c listen_addresses='' -c fsync=off -c max_connections=100"
        self._run(
            "pg_ctl", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-w", "-o", options, "start"
        )

    def stop(self) -> None:
        """Stop it as a power cut would."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def create_database(self, like: str | None = None) -> str:
        """The URL of a new database: an empty one, or a copy of one that nobody is connected to."""
        name, template = f"test_{next(_numbers)}", _name_in(like) if like else "template1"
        with psycopg.connect(host=str(self.folder), port=_PORT, user="postgres", autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return f"postgresql://postgres@/{name}?host={self.folder}&port={_PORT}"

    def drop_database(self, url: str) -> None:
        """Remove it again, whoever is still connected."""
        with psycopg.connect(host=str(self.folder), port=_PORT, user="postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{_name_in(url)}" WITH (FORCE)')

    def _run(self, program: str, *words: str) -> None:
        # The server refuses to run as root.
        command = ["runuser", "-u", "postgres", "--"] if self._is_root else []
        command += [str(self._programs / program), *words]
        # The server would keep a pipe open, so what is written goes into a file.
        with (self.folder / f"{program}.out").open("wb") as out:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/", check=False)
        assert done.returncode == 0, (self.folder / f"{program}.out").read_text()


def _name_in(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server; a machine without its programs fails the test."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not found:
        pytest.fail("the programs of a PostgreSQL server are missing: install the Debian package postgresql")
    # A unix socket's path must be short, so the folder is not below pytest's own.
    folder = Path(tempfile.mkdtemp(prefix="sf-pg-"))
    server = PostgresServer(folder, found[-1].parent)
    server.create()
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for all tests that leave it running."""
    with running_postgres() as server:
        yield server


def end_backend(engine: Engine, backend: int) -> None:
    """End a connection of somebody else's, and wait until the server has no such process any more."""
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.pg_terminate_backend(backend, 10_000))).scalar_one()


def wait_for_the_end_of(engine: Engine, backend: int) -> None:
    """Wait until a connection of somebody else's is gone."""
    until = time.monotonic() + 10
    activity = sa.text("SELECT count(*) FROM pg_stat_activity WHERE pid = :backend")
    with reading(engine) as session:
        while session.execute(activity, {"backend": backend}).scalar_one():
            assert time.monotonic() < until, "the connection is still there"
            time.sleep(0.05)


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, once of each kind."""
    yield from empty_database(request, tmp_path)


def empty_database(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """The URL of an empty database of the kind that the fixture's parameter names, gone afterwards."""
    if request.param == "sqlite":
        yield f"sqlite:///{folder / 'control.sqlite'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database()
    yield url
    server.drop_database(url)
