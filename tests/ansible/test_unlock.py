"""The playbook that unlocks a project for a run that was ended from outside."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supafleet.runner.launcher import AnsibleRunnerLauncher, LauncherSettings
from tests.ansible.launching import RUN_ID, launch, request


@pytest.fixture
def leftover(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that looks like Compose at work on the project."""
    root = str(tmp_path / "projects" / "demo")
    words = ["docker", "-c", "sleep 60; exit", "compose", "--project-directory", root]
    with subprocess.Popen(words, executable="/bin/sh") as process:
        yield process
        process.kill()


def unlock(tmp_path: Path, memory: Path, owner: str, holder: str) -> tuple[str, Path]:
    """Play it for the run while `holder` has the lock; how it ended, and where the lock stands."""
    lock = tmp_path / "locks" / "demo.json"
    lock.parent.mkdir()
    held: dict[str, Any] = {"run": holder, "kind": "project_create", "actor": "alice", "since": 0, "expires_at": 2e9}
    lock.write_text(json.dumps(held))
    host = {"connection": "local", "data_root": str(tmp_path)}
    launcher = AnsibleRunnerLauncher(LauncherSettings(run_directory=memory, owner=owner))
    outcome, _ = launch(launcher, request("project_unlock.yml", docker_host=host))
    return outcome.status, lock


def test_the_lock_of_the_run_goes_with_what_compose_still_does(
    tmp_path: Path, memory: Path, owner: str, leftover: "subprocess.Popen[bytes]"
) -> None:
    status, lock = unlock(tmp_path, memory, owner, RUN_ID)
    assert (status, lock.exists()) == ("successful", False)
    assert leftover.wait(timeout=5) == -9


def test_the_lock_of_another_run_stays_with_what_compose_does_for_it(
    tmp_path: Path, memory: Path, owner: str, leftover: "subprocess.Popen[bytes]"
) -> None:
    status, lock = unlock(tmp_path, memory, owner, "run-of-somebody-else")
    assert (status, lock.exists()) == ("successful", True)
    assert leftover.poll() is None
