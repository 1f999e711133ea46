"""Looks at whole Docker hosts: what they mean for each project, what is healed, and what is never raced."""

import time
from dataclasses import replace
from typing import Any

import pytest

from supafleet.runner.fake import FakeLauncher, Script, hangs, sees
from supafleet.runner.outcome import LaunchOutcome
from supafleet.settings import Settings
from tests.integration.api.conftest import Api, wait_for
from tests.integration.api.test_verbs import kinds

INTERVAL = 0.6


@pytest.fixture
def settings(settings: Settings) -> Settings:
    quick = {"observation_interval_seconds": INTERVAL, "observation_deadline_seconds": 3.0, "heal_pause_seconds": 0.2}
    return settings.model_copy(update=quick)


def shown(api: Api, ref: str) -> dict[str, Any]:
    project: dict[str, Any] = api.client.get(f"/fleet/projects/{ref}").json()
    return project


def wait_for_reason(api: Api, ref: str, words: str) -> dict[str, Any]:
    until = time.monotonic() + 60
    while words not in (shown(api, ref)["status_reason"] or ""):
        assert time.monotonic() < until, shown(api, ref)
        time.sleep(0.05)
    return shown(api, ref)


def wait_for_looks(launcher: FakeLauncher, count: int = 3) -> None:
    wanted, until = len(launcher.looks) + count, time.monotonic() + 30
    while len(launcher.looks) < wanted:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_service_that_falls_sick_and_recovers_is_noticed(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    launcher.scripts["fleet_observe"] = sees(**{ref: {"auth": "unhealthy"}})
    assert wait_for(live_api, ref, "ACTIVE_UNHEALTHY")["status_reason"] == "auth is unhealthy."
    launcher.scripts["fleet_observe"] = sees(**{ref: "healthy"})
    wait_for(live_api, ref, "ACTIVE_HEALTHY")
    assert kinds(live_api, ref) == ["project_create"], "a container that runs is not replaced"


def test_a_lost_container_is_healed_by_a_run_that_says_why(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    launcher.scripts["project_converge"] = hangs()
    launcher.scripts["fleet_observe"] = sees(**{ref: {"db": "exited", "kong": "missing"}})
    run = wait_for(live_api, ref, "ACTIVE_UNHEALTHY")["run"]
    assert (run["kind"], run["actor"], run["driver"]) == ("project_converge", "self-healing", "schedule")
    assert run["reason"] == "db is exited with code 137, kong is missing."


def test_heals_end_at_their_limit_with_a_sentence(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    launcher.scripts["fleet_observe"] = sees(**{ref: {"db": "exited"}})
    wait_for_reason(live_api, ref, "healed 5 times in a row")
    assert kinds(live_api, ref).count("project_converge") == 5


def test_who_wants_no_healing_gets_none(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    assert live_api.client.patch(f"/fleet/projects/{ref}", json={"self_healing": False}).status_code == 200
    launcher.scripts["fleet_observe"] = sees(**{ref: {"db": "exited"}})
    wait_for(live_api, ref, "ACTIVE_UNHEALTHY")
    wait_for_looks(launcher)
    assert kinds(live_api, ref) == ["project_create"]


def test_a_pause_is_neither_sick_nor_healed(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    live_api.client.post(f"/fleet/projects/{ref}/pause")
    wait_for(live_api, ref, "INACTIVE")
    launcher.scripts["fleet_observe"] = sees(**{ref: "exited"})
    wait_for_looks(launcher)
    assert (shown(live_api, ref)["status"], shown(live_api, ref)["status_reason"]) == ("INACTIVE", None)
    assert kinds(live_api, ref) == ["project_create", "project_pause"]
    launcher.scripts["fleet_observe"] = sees(**{ref: {"db": "exited", "auth": "exited"}})
    project = wait_for_reason(live_api, ref, "runs although the project is paused")
    assert project["status"] == "INACTIVE"
    assert {one["name"]: one["phase"] for one in project["services"]}["kong"] == "unexpected"


def test_a_look_that_began_before_a_change_does_not_count(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    launcher.scripts["project_restart"] = hangs()
    launcher.scripts["fleet_observe"] = replace(sees(**{ref: "missing"}), seconds=1.0)
    wait_for_looks(launcher, 1)
    run = live_api.client.post(f"/fleet/projects/{ref}/restart").json()
    time.sleep(1.5)
    assert {one["phase"] for one in shown(live_api, ref)["services"]} <= {"starting", "healthy"}
    looks = len(launcher.looks)
    time.sleep(INTERVAL * 2)
    assert len(launcher.looks) == looks, "nobody looks at what would not count"
    launcher.scripts["fleet_observe"] = sees(**{ref: "healthy"})
    live_api.client.post(f"/fleet/runs/{run['id']}/cancel")
    wait_for(live_api, ref, "ACTIVE_HEALTHY")


def test_a_host_that_cannot_be_seen_makes_its_projects_unknown_until_it_can(
    live_api: Api, launcher: FakeLauncher, ref: str
) -> None:
    told = "Host local cannot be reached: no route"
    launcher.scripts["fleet_observe"] = Script(outcome=LaunchOutcome("failed", told))
    project = wait_for(live_api, ref, "UNKNOWN")
    assert project["status_reason"].startswith("The project was last seen ACTIVE_HEALTHY at 20")
    assert project["status_reason"].endswith(f"{told}.")
    assert project["stale_since"] is not None
    assert live_api.client.get(f"/v1/projects/{ref}").json()["status"] == "UNKNOWN"
    assert live_api.client.get("/fleet/hosts").json()[0]["observation_error"] == f"{told}."
    launcher.scripts["fleet_observe"] = sees(**{ref: "healthy"})
    assert wait_for(live_api, ref, "ACTIVE_HEALTHY")["stale_since"] is None
