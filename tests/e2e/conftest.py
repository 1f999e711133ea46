"""An application that uses a project, and folders for direct runs."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.direct_run import DirectRun
from tests.engine.fixtures import docker_engine, sandbox_images

__all__ = ["docker_engine", "sandbox_images"]

CLIENT = Path(__file__).parent / "client"


@pytest.fixture(scope="session")
def supabase_js(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Runs the client script with the environment of a project; its results."""
    folder = tmp_path_factory.mktemp("client")
    shutil.copytree(CLIENT, folder, dirs_exist_ok=True)
    subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"],
        cwd=folder,
        check=True,
        timeout=300,
    )

    def run(environment: dict[str, str], expect_failure: bool = False) -> subprocess.CompletedProcess[str]:
        answer = subprocess.run(
            ["node", "use_project.mjs"],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert expect_failure or answer.returncode == 0, answer.stdout + answer.stderr
        return answer

    return run


@pytest.fixture
def direct_run(sandbox_images: dict[str, str], tmp_path: Path) -> Iterator[DirectRun]:
    """A folder with an inventory of its own; its projects are removed afterwards."""
    run = DirectRun(tmp_path / "inventory")
    yield run
    run.delete_all()
