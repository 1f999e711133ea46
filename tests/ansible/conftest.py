"""A folder in memory and an owner's name for each test; nothing of that owner may be left afterwards."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from supafleet.runner import processes


@pytest.fixture
def owner(request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"test-{request.node.name}"
    yield name
    left = processes.marked_processes(processes.OWNER_MARKER, name)
    processes.kill_marked(processes.OWNER_MARKER, name)
    assert not left, "processes of the run are left"


@pytest.fixture
def memory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="supafleet-tests-") as folder:
        yield Path(folder)
        assert not list(Path(folder).glob("supafleet-run-*")), "a private folder is left"
