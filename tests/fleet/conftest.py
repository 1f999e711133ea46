"""Two Docker hosts in containers, one per Debian suite, each prepared from bare once per test session."""

import stat
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import supabase_js
from tests.engine.fixtures import docker_engine, sandbox_images
from tests.fleet.preparation import BROKEN_PYTHON, Preparation, prepared

__all__ = ["docker_engine", "sandbox_images", "supabase_js"]


@pytest.fixture(scope="session")
def broken_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder to stand first in PATH, whose Python does not work."""
    folder = tmp_path_factory.mktemp("broken")
    for name in ("python", "python3"):
        script = folder / name
        script.write_text(BROKEN_PYTHON)
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(folder)


@pytest.fixture(scope="package")
def trixie(tmp_path_factory: pytest.TempPathFactory, broken_path: str) -> Iterator[Preparation]:
    """A Docker host prepared from a bare Debian 13."""
    with prepared(tmp_path_factory.mktemp("trixie"), "trixie", broken_path) as preparation:
        yield preparation


@pytest.fixture(scope="package")
def bookworm(tmp_path_factory: pytest.TempPathFactory, broken_path: str) -> Iterator[Preparation]:
    """A Docker host prepared from a bare Debian 12, whose own Compose is too old."""
    with prepared(tmp_path_factory.mktemp("bookworm"), "bookworm", broken_path) as preparation:
        yield preparation
