"""A project from its creation to its removal, through the job engine, with scripted playbooks."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from supafleet.runner.fake import FakeLauncher, Script, fails_on, hangs, observed, removes, succeeds
from tests.integration.api.conftest import SECONDS, Api, wait_for


def wait_until_gone(api: Api, ref: str) -> None:
    until = time.monotonic() + SECONDS
    while api.client.get(f"/v1/projects/{ref}").status_code != 404:
        assert time.monotonic() < until, "it never went"
        time.sleep(0.05)


def wait_until_seen(api: Api, ref: str, kind: str, phases: dict[str, str]) -> dict[str, Any]:
    """The project's newest run, once it is one of this kind and its services were seen in these phases."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        project = api.client.get(f"/fleet/projects/{ref}").json()
        run: dict[str, Any] = project["run"]
        seen = {service["name"]: service["phase"] for service in project["services"]}
        if run["kind"] == kind and phases.items() <= seen.items():
            return run
        time.sleep(0.05)
    raise AssertionError(f"{ref} was never seen {phases} by a {kind}: {project}")


def test_a_project_lives_and_dies(live_api: Api, launcher: FakeLauncher) -> None:
    ref = live_api.create(name="Whole life")["ref"]
    project = wait_for(live_api, ref, "ACTIVE_HEALTHY", "INIT_FAILED")
    assert (project["status"], project["status_reason"]) == ("ACTIVE_HEALTHY", None)
    assert [service["phase"] for service in project["services"]] == ["healthy"] * 12
    assert project["run"]["status"] == "succeeded"
    assert project["observed_at"] is not None
    request = launcher.requests[0]
    assert request.project["name"] == "Whole life"
    assert request.project["gateway_port"] == project["gateway_port"]
    assert request.docker_host["bind_address"] == "127.0.0.1"

    # A heal would be one more run, or none, as it happens.
    assert live_api.client.patch(f"/fleet/projects/{ref}", json={"self_healing": False}).status_code == 200
    launcher.scripts["project_observe"] = Script(events=(observed("healthy", realtime="exited"),))
    health = live_api.client.get(
        f"/v1/projects/{ref}/health", params={"services": ["auth,db", "realtime"], "timeout_ms": 10000}
    )
    assert health.status_code == 200
    assert health.json() == [
        {"name": "auth", "healthy": True, "status": "ACTIVE_HEALTHY"},
        {"name": "db", "healthy": True, "status": "ACTIVE_HEALTHY"},
        {"name": "realtime", "healthy": False, "status": "UNHEALTHY", "error": "The container is exited."},
    ]
    project = wait_for(live_api, ref, "ACTIVE_UNHEALTHY")
    assert "realtime" in project["status_reason"].lower()

    assert live_api.client.delete(f"/v1/projects/{ref}").status_code == 200
    wait_until_gone(live_api, ref)
    runs = live_api.client.get("/fleet/runs", params={"project": ref}).json()
    assert {run["kind"]: run["status"] for run in runs} == {
        "project_create": "succeeded",
        "project_observe": "succeeded",
        "project_delete": "succeeded",
    }


def test_a_create_that_fails_says_why_and_can_be_deleted(live_api: Api, launcher: FakeLauncher) -> None:
    launcher.scripts["project_create"] = fails_on("watch | Wait", "service realtime ended with exit code 1")
    ref = live_api.create()["ref"]
    project = wait_for(live_api, ref, "INIT_FAILED", "ACTIVE_HEALTHY")
    assert project["status"] == "INIT_FAILED"
    assert "realtime ended" in project["status_reason"]
    live_api.client.delete(f"/v1/projects/{ref}")
    wait_until_gone(live_api, ref)


def test_a_removal_that_was_not_seen_is_said_and_repeated(live_api: Api, launcher: FakeLauncher) -> None:
    ref = live_api.create()["ref"]
    wait_for(live_api, ref, "ACTIVE_HEALTHY")
    launcher.scripts["project_delete"] = fails_on("removal | Remove", "the host is unreachable")
    live_api.client.delete(f"/v1/projects/{ref}")
    project = wait_for(live_api, ref, "ACTIVE_UNHEALTHY")
    assert "removal" in project["status_reason"]
    assert "unreachable" in project["status_reason"]
    # It is not well because its containers still are: it shall be gone.
    launcher.scripts["project_observe"] = Script(events=(observed("healthy"),))
    live_api.client.get(f"/v1/projects/{ref}/health", params={"services": "db"})
    assert live_api.client.get(f"/v1/projects/{ref}").json()["status"] == "ACTIVE_UNHEALTHY"
    launcher.scripts["project_delete"] = removes()
    live_api.client.delete(f"/v1/projects/{ref}")
    wait_until_gone(live_api, ref)


def test_a_project_that_comes_up_refuses_its_removal_and_tells_its_health(
    live_api: Api, launcher: FakeLauncher
) -> None:
    launcher.scripts["project_create"] = hangs()
    ref = live_api.create()["ref"]
    until = time.monotonic() + SECONDS
    while not live_api.client.get(f"/fleet/projects/{ref}").json()["services"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    health = live_api.client.get(f"/v1/projects/{ref}/health", params={"services": "db,pooler,pg_bouncer"}).json()
    assert health == [{"name": "db", "healthy": False, "status": "COMING_UP"}]
    refused = live_api.client.delete(f"/v1/projects/{ref}")
    assert refused.status_code == 409
    run = live_api.client.get(f"/fleet/projects/{ref}").json()["run"]["id"]
    assert live_api.client.post(f"/fleet/runs/{run}/cancel").status_code == 202
    assert wait_for(live_api, ref, "INIT_FAILED")["status_reason"]
    launcher.scripts["project_create"] = succeeds()
    assert live_api.client.delete(f"/v1/projects/{ref}").status_code == 200
    wait_until_gone(live_api, ref)


@pytest.mark.parametrize(
    ("asked", "kind", "phase"),
    [
        ("POST restart", "project_restart", "starting"),
        ("POST restart", "project_restart", "exited"),
        ("POST resume", "project_resume", "missing"),
        ("PATCH ", "project_converge", "created"),
    ],
)
def test_what_is_being_brought_up_is_not_unhealthy(
    live_api: Api,
    launcher: FakeLauncher,
    ref: str,
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    kind: str,
    phase: str,
) -> None:
    # A look beside a run that changes the project does not count: what that run sees is told.
    monkeypatch.setattr(live_api.settings, "health_max_age_seconds", SECONDS)
    project = f"/fleet/projects/{ref}"
    if kind == "project_resume":
        live_api.client.post(f"{project}/pause")
        wait_for(live_api, ref, "INACTIVE")
    launcher.scripts[kind] = Script(events=(observed("healthy", auth=phase),), hang=True)
    method, _, verb = asked.partition(" ")
    body = {"settings": {"jwt_expiry": 600}} if method == "PATCH" else None
    with ThreadPoolExecutor(1) as pool:
        pool.submit(live_api.client.request, method, f"{project}/{verb}".rstrip("/"), json=body)
        run = wait_until_seen(live_api, ref, kind, {"auth": phase, "rest": "healthy"})
        health = live_api.client.get(f"/v1/projects/{ref}/health", params={"services": "auth,rest"}).json()
        live_api.client.post(f"/fleet/runs/{run['id']}/cancel")
    assert health == [
        {"name": "auth", "healthy": False, "status": "COMING_UP"},
        {"name": "rest", "healthy": True, "status": "ACTIVE_HEALTHY"},
    ]


@pytest.mark.parametrize(("phase", "status"), [("starting", "COMING_UP"), ("missing", "UNHEALTHY")])
def test_what_starts_by_itself_comes_up_and_what_is_lost_is_unhealthy(
    live_api: Api, launcher: FakeLauncher, ref: str, phase: str, status: str
) -> None:
    live_api.client.patch(f"/fleet/projects/{ref}", json={"self_healing": False})
    launcher.scripts["project_observe"] = Script(events=(observed("healthy", auth=phase),))
    (health,) = live_api.client.get(f"/v1/projects/{ref}/health", params={"services": "auth"}).json()
    assert (health["healthy"], health["status"]) == (False, status)


def test_health_of_a_host_that_cannot_be_looked_at_does_not_wait_its_time_out(
    live_api: Api, launcher: FakeLauncher
) -> None:
    ref = live_api.create()["ref"]
    wait_for(live_api, ref, "ACTIVE_HEALTHY")
    launcher.scripts["project_observe"] = fails_on("report | Look", "the host is unreachable")
    began = time.monotonic()
    answer = live_api.client.get(f"/v1/projects/{ref}/health", params={"services": "rest", "timeout_ms": 10000})
    assert answer.json()[0]["status"] == "UNHEALTHY"
    assert time.monotonic() - began < 9
    assert live_api.client.get(f"/v1/projects/{ref}").json()["status"] == "ACTIVE_HEALTHY"


@pytest.mark.parametrize("services", ["", "db,nonsense"])
def test_health_names_what_it_knows(live_api: Api, services: str) -> None:
    ref = live_api.create()["ref"]
    answer = live_api.client.get(f"/v1/projects/{ref}/health", params={"services": services})
    assert answer.status_code == 422
    assert "db_postgres_user" in answer.json()["message"]


def test_health_that_cannot_be_seen_in_time_is_the_passing_error_of_the_official_api(
    live_api: Api, launcher: FakeLauncher
) -> None:
    ref = live_api.create()["ref"]
    wait_for(live_api, ref, "ACTIVE_HEALTHY")
    launcher.scripts["project_observe"] = hangs()
    answer = live_api.client.get(f"/v1/projects/{ref}/health", params={"services": "rest", "timeout_ms": 1500})
    assert answer.json() == [
        {
            "name": "rest",
            "healthy": False,
            "status": "UNHEALTHY",
            "error": "Failed to retrieve project's rest service health",
        }
    ]
    # A run that is left under way ends the process at the application's stop, so it is canceled first.
    runs = live_api.client.get("/fleet/runs", params={"project": ref}).json()
    observing = next(run for run in runs if run["kind"] == "project_observe")
    live_api.client.post(f"/fleet/runs/{observing['id']}/cancel")
    until = time.monotonic() + SECONDS
    while live_api.client.get(f"/fleet/runs/{observing['id']}").json()["ended_at"] is None:
        assert time.monotonic() < until
        time.sleep(0.05)
