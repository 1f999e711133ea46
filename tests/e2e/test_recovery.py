"""A run that is cut off: by the death of its service it is taken up again, by a cancel it leaves nothing in the way."""

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


def playbooks_of(ref: str) -> list[list[str]]:
    return [words for words in _command_lines() if any("ansible-playbook" in word for word in words) and ref in words]


@pytest.mark.parametrize("moment", ["files", "watch"])
def test_a_killed_service_takes_its_run_up_again(mortal: LiveService, moment: str) -> None:
    ref = mortal.create(f"Killed at {moment}")
    _wait_for_phase(mortal, ref, moment)
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


def test_a_create_that_is_canceled_is_deleted_at_once(mortal: LiveService) -> None:
    ref = mortal.create("Canceled")
    run = _wait_for_phase(mortal, ref, "watch")
    with mortal.client() as api:
        assert api.post(f"/fleet/runs/{run}/cancel").status_code == 202
    project = mortal.wait(ref, "INIT_FAILED", "ACTIVE_HEALTHY")
    assert project["status_reason"].startswith("The run was canceled by ")
    assert not (docker_eyes.RECORDS / "locks" / f"{ref}.json").exists()
    assert [words for words in _command_lines() if "compose" in words and ref in " ".join(words)] == []

    mortal.delete(ref)
    assert [(run["kind"], run["status"]) for run in mortal.runs(ref)] == [
        ("project_delete", "succeeded"),
        ("project_create", "canceled"),
    ]
    docker_eyes.assert_nothing_is_left(ref)


def _wait_for_phase(live: LiveService, ref: str, phase: str) -> str:
    """The id of the project's run, which is in the phase now."""
    deadline = time.monotonic() + 60
    while (run := live.runs(ref)[0])["phase"] != phase:
        assert run["ended_at"] is None, run["explanation"]
        assert time.monotonic() < deadline, run["phase"]
        time.sleep(0.05)
    return str(run["id"])


def _command_lines() -> list[list[str]]:
    return [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]


def _its_events_have_no_gap(mortal: LiveService, run: str) -> None:
    with mortal.client() as api:
        stream = api.get(f"/fleet/runs/{run}/events", timeout=60).text
    numbers = [int(line.removeprefix("id:")) for line in stream.splitlines() if line.startswith("id:")]
    assert numbers == list(range(1, len(numbers) + 1))
    kinds = [line.removeprefix("event:").strip() for line in stream.splitlines() if line.startswith("event:")]
    assert kinds[-1] == "run.ended"
    assert kinds.count("run.ended") == 1
