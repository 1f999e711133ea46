"""Two Docker hosts in containers, one per Debian suite, each prepared from bare once per test session."""

import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.e2e.conftest import supabase_js
from tests.engine.fixtures import docker_engine, sandbox_images
from tests.fleet.preparation import BROKEN_PYTHON, Preparation, prepared

__all__ = ["docker_engine", "sandbox_images", "supabase_js"]

SUITES = ("trixie", "bookworm")


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
def preparations(tmp_path_factory: pytest.TempPathFactory, broken_path: str) -> Iterator[dict[str, Preparation]]:
    """Hosts by suite, prepared side by side: most of it is waiting for packages."""
    with ExitStack() as stack, ThreadPoolExecutor(len(SUITES)) as hands:
        begun = [prepared(tmp_path_factory.mktemp(suite), suite, broken_path) for suite in SUITES]
        yield dict(zip(SUITES, hands.map(stack.enter_context, begun), strict=True))


@pytest.fixture(scope="package")
def trixie(preparations: dict[str, Preparation]) -> Preparation:
    """A Docker host prepared from a bare Debian 13."""
    return preparations["trixie"]


@pytest.fixture(scope="package")
def bookworm(preparations: dict[str, Preparation]) -> Preparation:
    """A Docker host prepared from a bare Debian 12, whose own Compose is too old."""
    return preparations["bookworm"]
