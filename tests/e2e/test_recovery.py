"""A service that is killed in the middle of a run takes the run up again, and nothing is doubled."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e import docker_eyes
from tests.e2e.live_service import LiveService

pytestmark = pytest.mark.docker


@pytest.fixture
def mortal(sandbox_images: dict[str, str], tmp_path: Path) -> Iterator[LiveService]:
    with LiveService(tmp_path / "service", "mortal", (25100, 25149), "10.223.0.0/16") as live:
        yield live


def playbooks_of(ref: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any("ansible-playbook" in word for word in words) and ref in words:
            found.append(process)
    return found


@pytest.mark.parametrize("moment", ["files", "watch"])
def test_a_killed_service_takes_its_run_up_again(mortal: LiveService, moment: str) -> None:
    ref = mortal.create(f"Killed at {moment}")
    deadline = time.monotonic() + 60
    while (run := mortal.runs(ref)[0])["phase"] != moment:
        assert run["ended_at"] is None, run["explanation"]
        assert time.monotonic() < deadline, run["phase"]
        time.sleep(0.05)
    mortal.stop(signal.SIGKILL)
    mortal.start()
    project = mortal.wait(ref, "ACTIVE_HEALTHY", "INIT_FAILED")
    assert project["status"] == "ACTIVE_HEALTHY", project["status_reason"]

    runs = mortal.runs(ref)
    assert [run["kind"] for run in runs] == ["project_create"]
    assert runs[0]["attempt"] == 2
    assert set(docker_eyes.health(ref).values()) == {"healthy"}
    assert len(docker_eyes.containers(ref)) == 12
    assert len(docker_eyes.networks(ref)) == 1
    assert playbooks_of(ref) == []
    _its_events_have_no_gap(mortal, runs[0]["id"])


def _its_events_have_no_gap(mortal: LiveService, run: str) -> None:
    with mortal.client() as api:
        stream = api.get(f"/fleet/runs/{run}/events", timeout=60).text
    numbers = [int(line.removeprefix("id:")) for line in stream.splitlines() if line.startswith("id:")]
    assert numbers == list(range(1, len(numbers) + 1))
    kinds = [line.removeprefix("event:").strip() for line in stream.splitlines() if line.startswith("event:")]
    assert kinds[-1] == "run.ended"
    assert kinds.count("run.ended") == 1
