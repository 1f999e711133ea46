"""What a first start of the service leaves behind, made once for each kind of database and copied for each test."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from dbos import run_dbos_database_migrations

from supafleet.bootstrap import prepare
from supafleet.db import engine_from_url, sqlalchemy_url
from supafleet.settings import Settings
from tests.integration.conftest import PostgresServer

_DATA = "data"
#: That of the scripted looks at a Docker host (`supafleet.runner.fake.sees`).
INSTALLATION = "local"


class FirstStarts:
    """Makes the first start of a kind of database when it is first asked for."""

    def __init__(self, folder: Path, server: Callable[[], PostgresServer]) -> None:
        self._folder = folder
        self._server = server
        self._urls: dict[str, str] = {}

    def copy(self, kind: str, folder: Path) -> Iterator[tuple[str, Path]]:
        """The URL of a database and a data folder like those after a first start, gone afterwards."""
        made = self._urls.get(kind) or self._make(kind)
        data = folder / _DATA
        shutil.copytree(self._folder / kind / _DATA, data)
        if kind == "sqlite":
            database = folder / "control.sqlite"
            shutil.copy(made.removeprefix("sqlite:///"), database)
            yield f"sqlite:///{database}", data
            return
        url = self._server().create_database(like=made)
        yield url, data
        self._server().drop_database(url)

    def _make(self, kind: str) -> str:
        folder = self._folder / kind
        folder.mkdir()
        url = f"sqlite:///{folder / 'control.sqlite'}" if kind == "sqlite" else self._server().create_database()
        engine = engine_from_url(url)
        prepare(Settings(data_dir=folder / _DATA, database_url=url, installation=INSTALLATION), engine)
        engine.dispose()
        run_dbos_database_migrations(sqlalchemy_url(url))
        self._urls[kind] = url
        return url
