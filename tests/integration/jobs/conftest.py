"""Service processes that are ended after the test, with whatever they started."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supafleet.runner import processes
from tests.integration.jobs.live_service import ServiceProcess

ServiceFactory = Callable[..., ServiceProcess]


@pytest.fixture
def services(tmp_path: Path, database_url: str) -> Iterator[ServiceFactory]:
    """Makes services over one database; each name is a worker with a folder and an owner's mark of its own."""
    made: list[ServiceProcess] = []
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="supafleet-tests-") as memory:

        def make(name: str = "one", **environment: str) -> ServiceProcess:
            folder = Path(memory) / name
            folder.mkdir(exist_ok=True)
            data_dir = tmp_path / "data"
            service = ServiceProcess(data_dir, database_url, folder, f"{tmp_path.name}-{name}", **environment)
            made.append(service)
            return service

        yield make
        for service in made:
            service.end()
            # Its child would end by itself a moment later; the next test should not share the machine with it.
            processes.kill_marked(processes.OWNER_MARKER, service.owner)
