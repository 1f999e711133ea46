"""Pause, resume, restart, loss and mischief on a real project: its status is what Docker's own inspection shows."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supafleet.content import content_root
from supafleet.sandbox import content_digest, image_reference
from tests.e2e import docker_eyes
from tests.e2e.live_service import LiveService

pytestmark = pytest.mark.docker

SWEEP_SECONDS = 5
SECRET_OF_A_ROW = "it survived"
#: A name of the image that no other test's project has.
OWN_IMAGE = "supafleet-sandbox/imgproxy:of-the-lifecycle-test"


@pytest.fixture(scope="module")
def live(sandbox_images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    with LiveService(
        tmp_path_factory.mktemp("service"),
        "lifecycle",
        (25500, 25549),
        "10.227.0.0/16",
        observation_interval_seconds=str(SWEEP_SECONDS),
        observation_deadline_seconds="20",
        heal_pause_seconds="3",
    ) as service:
        yield service
    docker_eyes.docker("image", "rm", OWN_IMAGE, check=False)


@pytest.fixture(scope="module")
def ref(live: LiveService) -> str:
    docker_eyes.docker("tag", usual_image(), OWN_IMAGE)
    settings = {"mailer_autoconfirm": True, "images": {"imgproxy": OWN_IMAGE}}
    name = live.create("Lifecycle", settings=settings)
    project = live.wait(name, "ACTIVE_HEALTHY", "INIT_FAILED")
    assert project["status"] == "ACTIVE_HEALTHY", project["status_reason"]
    psql(name, f"create table kept (word text); insert into kept values ('{SECRET_OF_A_ROW}')")
    return name


def usual_image() -> str:
    return image_reference("imgproxy", "2026.09", content_digest(content_root()))


def psql(ref: str, sql: str) -> str:
    words = ["psql", "-h", "127.0.0.1", "-U", "supabase_admin", "-d", "postgres", "-At", "-v", "ON_ERROR_STOP=1"]
    return docker_eyes.docker("exec", f"{ref}-db", *words, "-c", sql)


def act(live: LiveService, ref: str, verb: str, **body: Any) -> dict[str, Any]:
    """Ask for a verb and wait for the end of its run."""
    with live.client() as api:
        answer = api.post(f"/fleet/projects/{ref}/{verb}", json=body or None)
        assert answer.status_code == 200, answer.text
        run: dict[str, Any] = answer.json()
        deadline = time.monotonic() + 180
        while run["ended_at"] is None:
            assert time.monotonic() < deadline, run
            time.sleep(0.2)
            run = api.get(f"/fleet/runs/{run['id']}").json()
    assert run["status"] == "succeeded", run["explanation"]
    return run


def states(ref: str) -> set[str]:
    return {one["State"]["Status"] for one in docker_eyes.containers(ref).values()}


def wait_for_reason(live: LiveService, ref: str, *words: str, seconds: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        project = live.project(ref)
        if all(word in (project["status_reason"] or "") for word in words):
            return project
        assert time.monotonic() < deadline, project
        time.sleep(0.2)


def test_pause_keeps_everything_and_resume_brings_it_back(live: LiveService, ref: str) -> None:
    keys, made = live.keys(ref), docker_eyes.container_ids(ref)
    began = time.monotonic()
    act(live, ref, "pause")
    print(f"pause: {time.monotonic() - began:.1f} s")
    assert live.project(ref)["status"] == "INACTIVE"
    assert states(ref) == {"exited"}
    stopped = {name: one["State"]["FinishedAt"] for name, one in docker_eyes.containers(ref).items()}
    assert stopped["kong"] < stopped["auth"] < stopped["vector"] < stopped["db"]
    assert docker_eyes.containers(ref)["db"]["State"]["ExitCode"] == 0, "the database had the time to end by itself"

    time.sleep(SWEEP_SECONDS * 2)
    assert live.project(ref)["status"] == "INACTIVE"
    assert states(ref) == {"exited"}, "nothing woke it up"

    began = time.monotonic()
    act(live, ref, "resume")
    print(f"resume: {time.monotonic() - began:.1f} s")
    assert live.project(ref)["status"] == "ACTIVE_HEALTHY"
    assert set(docker_eyes.health(ref).values()) == {"healthy"}
    assert (live.keys(ref), docker_eyes.container_ids(ref)) == (keys, made)
    assert psql(ref, "select word from kept") == SECRET_OF_A_ROW


def test_a_restart_touches_only_what_is_named(live: LiveService, ref: str) -> None:
    before = {name: one["State"]["StartedAt"] for name, one in docker_eyes.containers(ref).items()}
    act(live, ref, "restart", services=["auth", "rest"])
    after = {name: one["State"]["StartedAt"] for name, one in docker_eyes.containers(ref).items()}
    assert {name for name in after if after[name] != before[name]} == {"auth", "rest"}
    assert set(docker_eyes.health(ref).values()) == {"healthy"}


def test_a_removed_and_a_killed_container_are_healed(live: LiveService, ref: str) -> None:
    docker_eyes.docker("rm", "--force", f"{ref}-rest")
    docker_eyes.docker("stop", f"{ref}-imgproxy")
    project = live.wait(ref, "ACTIVE_UNHEALTHY", seconds=SWEEP_SECONDS * 3)
    assert "rest is missing" in project["status_reason"] or "rest is missing" in project["run"]["reason"]
    project = live.wait(ref, "ACTIVE_HEALTHY", seconds=90)
    assert project["run"]["actor"] == "self-healing"
    assert set(docker_eyes.health(ref).values()) == {"healthy"}
    assert len(docker_eyes.containers(ref)) == 12


def test_a_sick_service_is_noticed_and_its_recovery_too(live: LiveService, ref: str) -> None:
    docker_eyes.docker("pause", f"{ref}-storage")
    try:
        wait_for_reason(live, ref, "storage is")
    finally:
        docker_eyes.docker("unpause", f"{ref}-storage")
    live.wait(ref, "ACTIVE_HEALTHY", seconds=60)


def test_hands_on_files_network_and_names_are_mended_by_a_restart(live: LiveService, ref: str) -> None:
    env = Path(f"/var/lib/supafleet/projects/{ref}/env/auth.env")
    before = env.read_text()
    env.write_text(before + "GOTRUE_SITE_URL='http://edited.by.hand'\n")
    docker_eyes.docker("rename", f"{ref}-meta", f"{ref}-renamed")
    docker_eyes.docker("network", "disconnect", "--force", docker_eyes.networks(ref)[0], f"{ref}-rest")
    project = wait_for_reason(live, ref, "rest is", seconds=90)
    assert project["status"] == "ACTIVE_UNHEALTHY"
    act(live, ref, "restart", services=["rest"])
    live.wait(ref, "ACTIVE_HEALTHY", seconds=60)
    assert env.read_text() == before
    assert set(docker_eyes.health(ref).values()) == {"healthy"}
    assert len(docker_eyes.containers(ref)) == 12


def test_a_network_that_somebody_removed_is_made_again(live: LiveService, ref: str) -> None:
    act(live, ref, "pause")
    for name in docker_eyes.containers(ref):
        docker_eyes.docker(
            "network", "disconnect", "--force", docker_eyes.networks(ref)[0], f"{ref}-{name}", check=False
        )
    docker_eyes.docker("network", "rm", docker_eyes.networks(ref)[0])
    act(live, ref, "resume")
    assert set(docker_eyes.health(ref).values()) == {"healthy"}
    assert psql(ref, "select word from kept") == SECRET_OF_A_ROW


def test_an_image_that_somebody_deleted_is_named_with_the_way_out(live: LiveService, ref: str) -> None:
    docker_eyes.docker("image", "rm", "--force", OWN_IMAGE)
    docker_eyes.docker("rm", "--force", f"{ref}-imgproxy")
    project = wait_for_reason(live, ref, OWN_IMAGE, "playbooks/sandbox_images.yml", seconds=90)
    assert project["status"] == "ACTIVE_UNHEALTHY"
    docker_eyes.docker("tag", usual_image(), OWN_IMAGE)
    act(live, ref, "restart", services=["imgproxy"])
    assert live.project(ref)["status"] == "ACTIVE_HEALTHY"


def test_a_service_that_was_away_knows_what_happened_meanwhile(live: LiveService, ref: str) -> None:
    live.stop()
    docker_eyes.docker("stop", "--time", "5", f"{ref}-functions")
    subprocess.run(["sleep", "1"], check=True)
    live.start()
    live.wait(ref, "ACTIVE_UNHEALTHY", "UNKNOWN", seconds=SWEEP_SECONDS * 4)
    live.wait(ref, "ACTIVE_HEALTHY", seconds=90)
    assert psql(ref, "select word from kept") == SECRET_OF_A_ROW
