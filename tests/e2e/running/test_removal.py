"""Removal leaves nothing, and the name can be used again at once."""

import os
import signal

import pytest

from tests.e2e import docker_eyes
from tests.e2e.direct_run import DirectRun
from tests.e2e.live_service import LiveService

pytestmark = pytest.mark.docker


def test_a_deleted_project_leaves_nothing_and_its_name_is_free(service: LiveService) -> None:
    ref = service.create("Short lived")
    first = service.wait(ref, "ACTIVE_HEALTHY", "INIT_FAILED")
    assert first["status"] == "ACTIVE_HEALTHY", first["status_reason"]
    service.delete(ref)
    docker_eyes.assert_nothing_is_left(ref)

    again = service.create("Short lived")
    try:
        second = service.project(again)
        assert (second["gateway_port"], second["subnet"]) == (first["gateway_port"], first["subnet"])
    finally:
        service.wait(again, "ACTIVE_HEALTHY", "INIT_FAILED")
        service.delete(again)
    docker_eyes.assert_nothing_is_left(again)


def test_a_half_made_project_is_removed_but_nothing_of_others(
    direct_run: DirectRun, sandbox_images: dict[str, str]
) -> None:
    ref, foreign = "half-made", "not-of-half-made"
    ours = ("--label", f"supafleet.project={ref}", "--label", "supafleet.installation=test-direct")
    sleeper = ("--network", ref, "--entrypoint", "sleep", sandbox_images["imgproxy"], "600")
    direct_run.project(ref, 6)
    docker_eyes.docker("volume", "create", *ours, f"{ref}-db-data")
    docker_eyes.docker("network", "create", *ours, ref)
    labels = (*ours, "--label", "supafleet.service=db")
    docker_eyes.docker("run", "--detach", "--restart", "always", *labels, "--name", f"{ref}-db", *sleeper)
    docker_eyes.docker("run", "--detach", "--name", foreign, *sleeper)
    try:
        os.kill(docker_eyes.containers(ref)["db"]["State"]["Pid"], signal.SIGKILL)
        told = " ".join(direct_run.play("project_delete", limit=ref, expect_failure=True).split())
        assert f"network {ref} is used by {foreign}, which is not of this project" in told
        assert docker_eyes.docker("inspect", "--format", "{{.State.Running}}", foreign) == "true"
        assert set(docker_eyes.leftovers(ref)) == {"networks"}
    finally:
        docker_eyes.docker("rm", "--force", foreign)
    direct_run.play("project_delete", limit=ref)
    docker_eyes.assert_nothing_is_left(ref)


def test_data_that_are_gone_are_not_made_anew(direct_run: DirectRun) -> None:
    direct_run.project("data-gone", 8)
    for verb in ("project_converge", "project_resume"):
        told = " ".join(direct_run.play(verb, limit="data-gone", expect_failure=True).split())
        assert "data-gone-db-data" in told
        assert "of the project cannot be found on the host: the data are gone or not mounted" in told
        assert docker_eyes.leftovers("data-gone") == {}


def test_a_volume_that_only_has_the_name_is_not_taken(direct_run: DirectRun) -> None:
    ref, volume = "taken-name", "taken-name-storage"
    direct_run.project(ref, 7)
    docker_eyes.docker("volume", "create", volume)
    try:
        told = " ".join(direct_run.play("project_create", limit=ref, expect_failure=True).split())
        assert f"volume {volume} exists and does not carry the labels of this project" in told
        assert docker_eyes.leftovers(ref) == {}
        direct_run.play("project_delete", limit=ref)
        assert docker_eyes.docker("volume", "ls", "-q", "--filter", f"name={volume}") == volume
    finally:
        docker_eyes.docker("volume", "rm", volume)
