"""Removal leaves nothing, and the name can be used again at once."""

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


def test_a_half_made_project_is_removed_too(direct_run: DirectRun) -> None:
    ref = "half-made"
    direct_run.project(ref, 6)
    docker_eyes.docker("volume", "create", "--label", f"supafleet.project={ref}", f"{ref}-db-data")
    direct_run.play("project_delete", limit=ref)
    docker_eyes.assert_nothing_is_left(ref)
