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
    label = f"supafleet.project={ref}"
    sleeper = ("--network", ref, "--entrypoint", "sleep", sandbox_images["imgproxy"], "600")
    direct_run.project(ref, 6)
    docker_eyes.docker("volume", "create", "--label", label, f"{ref}-db-data")
    docker_eyes.docker("network", "create", "--label", label, ref)
    labels = ("--label", label, "--label", "supafleet.service=db")
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
