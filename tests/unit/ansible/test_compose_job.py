"""Compose works on after the module that started it has ended; its folder tells how it goes."""

import os
import signal
import subprocess
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def ended(compose_job: ModuleType, folder: str) -> dict[str, Any]:
    """The job's state once it has ended."""
    deadline = time.monotonic() + 10
    while not (state := compose_job.read_job(folder))["finished"]:
        assert time.monotonic() < deadline, "the job does not end"
        time.sleep(0.02)
    return dict(state)


@pytest.mark.parametrize(("code", "failed"), [(0, False), (18, True)])
def test_a_job_tells_its_output_and_how_it_ended(
    compose_job: ModuleType, tmp_path: Path, code: int, failed: bool
) -> None:
    words = ["sh", "-c", f"echo to you; echo to me >&2; exit {code}", "a b", "'\"$x"]
    folder = compose_job.start_job(str(tmp_path), words, 10)
    assert ended(compose_job, folder) == {"finished": True, "failed": failed}
    assert compose_job.job_output(folder) == "to you\nto me\n"
    assert os.stat(folder).st_mode & 0o777 == 0o700


def test_a_job_that_takes_too_long_has_failed(compose_job: ModuleType, tmp_path: Path) -> None:
    folder = compose_job.start_job(str(tmp_path), ["sleep", "60"], 1)
    assert compose_job.read_job(folder) == {"finished": False, "failed": False}
    assert ended(compose_job, folder)["failed"]


def test_a_forgotten_job_does_not_disturb_the_next_one(compose_job: ModuleType, tmp_path: Path) -> None:
    first = compose_job.start_job(str(tmp_path), ["sh", "-c", "sleep 0.3; exit 3"], 10)
    compose_job.forget_jobs(str(tmp_path))
    second = compose_job.start_job(str(tmp_path), ["sh", "-c", "sleep 0.6"], 10)
    assert not Path(first).exists()
    assert ended(compose_job, second) == {"finished": True, "failed": False}
    compose_job.forget_jobs(str(tmp_path))
    assert list(tmp_path.iterdir()) == []
    assert compose_job.job_output(second) == ""
    assert compose_job.read_job("") is None


def test_only_the_compose_of_the_project_is_ended(compose_job: ModuleType, tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.symlink_to("/bin/sh")
    roots = [str(tmp_path / name) for name in ("mine", "mine-too")]
    started = [subprocess.Popen([str(docker), "-c", "sleep 60 & wait", "compose", root]) for root in roots]
    try:
        time.sleep(0.2)
        assert compose_job.end_leftover_compose(roots[0]) == 1
        assert started[0].wait(5) == -signal.SIGKILL
        assert started[1].poll() is None
    finally:
        for process in started:
            process.kill()
            process.wait()
