"""Removal leaves nothing, and the name can be used again at once."""

import json
from pathlib import Path

import pytest

from tests.e2e import docker_eyes
from tests.e2e.direct_run import DirectRun, changed_count
from tests.e2e.live_service import LiveService

pytestmark = pytest.mark.docker

RECORDS = Path("/var/lib/supafleet")


def leases() -> str:
    path = RECORDS / "leases.json"
    return json.dumps(json.loads(path.read_text())) if path.exists() else ""


def assert_nothing_is_left(ref: str) -> None:
    assert docker_eyes.leftovers(ref) == {}
    assert not (RECORDS / "projects" / ref).exists()
    assert not (RECORDS / "locks" / f"{ref}.json").exists()
    assert ref not in leases()
    names = docker_eyes.docker("ps", "-a", "--format", "{{.Names}}") + docker_eyes.docker("volume", "ls", "-q")
    assert ref not in names


def test_a_deleted_project_leaves_nothing_and_its_name_is_free(service: LiveService) -> None:
    ref = service.create("Short lived")
    first = service.wait(ref, "ACTIVE_HEALTHY", "INIT_FAILED")
    assert first["status"] == "ACTIVE_HEALTHY", first["status_reason"]
    service.delete(ref)
    assert_nothing_is_left(ref)

    again = service.create("Short lived")
    try:
        second = service.project(again)
        assert (second["gateway_port"], second["subnet"]) == (first["gateway_port"], first["subnet"])
    finally:
        service.wait(again, "ACTIVE_HEALTHY", "INIT_FAILED")
        service.delete(again)
    assert_nothing_is_left(again)


def test_a_direct_removal_is_complete_and_can_be_repeated(direct_run: DirectRun) -> None:
    ref = "direct-removal"
    direct_run.project(ref, 5)
    direct_run.create(ref)
    direct_run.play("project_delete", limit=ref)
    assert_nothing_is_left(ref)
    assert changed_count(direct_run.play("project_delete", limit=ref), ref) == 0


def test_a_half_made_project_is_removed_too(direct_run: DirectRun) -> None:
    ref = "half-made"
    direct_run.project(ref, 6)
    docker_eyes.docker("volume", "create", "--label", f"supafleet.project={ref}", f"{ref}-db-data")
    direct_run.play("project_delete", limit=ref)
    assert_nothing_is_left(ref)
