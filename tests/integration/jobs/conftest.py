"""Service processes that are ended after the test, with whatever they started."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from supafleet.bootstrap import prepare
from supafleet.db import engine_from_url
from supafleet.jobs import worker
from supafleet.jobs.fake import RecordingJobEngine
from supafleet.runner import processes
from supafleet.runner.fake import FakeLauncher
from supafleet.settings import Settings
from tests.integration.conftest import DATABASES, empty_database
from tests.integration.jobs.desk import Desk
from tests.integration.jobs.live_service import ServiceProcess

ServiceFactory = Callable[..., ServiceProcess]


@contextmanager
def running_services(folder: Path, database_url: str) -> Iterator[ServiceFactory]:
    made: list[ServiceProcess] = []
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="supafleet-tests-") as memory:

        def make(
            name: str = "one", process: type[ServiceProcess] = ServiceProcess, **environment: str
        ) -> ServiceProcess:
            private = Path(memory) / name
            private.mkdir(exist_ok=True)
            service = process(folder / "data", database_url, private, f"{folder.name}-{name}", **environment)
            made.append(service)
            return service

        try:
            yield make
        finally:
            for service in made:
                service.end()
                # Its child would end by itself a moment later; the next test should not share the machine with it.
                processes.kill_marked(processes.OWNER_MARKER, service.owner)


@pytest.fixture
def services(tmp_path: Path, database_url: str) -> Iterator[ServiceFactory]:
    """Makes services over one database; each name is a worker with a folder and an owner's mark of its own."""
    with running_services(tmp_path, database_url) as make:
        yield make


@dataclass(frozen=True)
class FollowedCreate:
    """A create that was followed from its request to its end, and the service that carried it out."""

    service: ServiceProcess
    ref: str
    run_id: str
    asked_at: datetime
    events: list[dict[str, Any]]
    arrived_at: list[datetime]


@pytest.fixture(scope="module", params=DATABASES)
def followed_create(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FollowedCreate]:
    """One create for all tests that only look at what it left."""
    folder = tmp_path_factory.mktemp("whole-run")
    for database_url in empty_database(request, folder):
        with running_services(folder, database_url) as make:
            service = make().start()
            asked_at = datetime.now(UTC)
            ref = service.create_project()
            run_id = service.run_of(ref)["id"]
            events, arrived_at = [], []
            for event in service.events(run_id):
                events.append(event)
                arrived_at.append(datetime.now(UTC))
            yield FollowedCreate(service, ref, run_id, asked_at, events, arrived_at)


@pytest.fixture
def desk(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Runs over an empty database, and workers that try again soon when it is away."""
    monkeypatch.setattr(worker, "_DATABASE_PAUSE_SECONDS", 0.05)
    settings = Settings(data_dir=tmp_path / "data", database_url=database_url, run_dir=tmp_path)
    engine = engine_from_url(database_url)
    prepare(settings, engine)
    yield Desk(settings, engine, RecordingJobEngine(), FakeLauncher())
    engine.dispose()
