"""Pause, resume, restart and change, through the job engine, with scripted playbooks."""

import threading
import time

import pytest

from supafleet.runner.fake import FakeLauncher, Script, fails_on, hangs, observed
from tests.integration.api.conftest import SECONDS, Api, wait_for


@pytest.fixture
def ref(live_api: Api) -> str:
    name = live_api.create()["ref"]
    assert wait_for(live_api, name, "ACTIVE_HEALTHY", "INIT_FAILED")["status"] == "ACTIVE_HEALTHY"
    return str(name)


def kinds(api: Api, ref: str) -> list[str]:
    return [run["kind"] for run in reversed(api.client.get("/fleet/runs", params={"project": ref}).json())]


def test_a_project_is_paused_and_resumed_in_the_official_words(live_api: Api, ref: str) -> None:
    answer = live_api.client.post(f"/v1/projects/{ref}/pause")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert "content-type" not in answer.headers
    project = wait_for(live_api, ref, "INACTIVE", "PAUSE_FAILED")
    assert (project["status"], project["status_reason"]) == ("INACTIVE", None)
    assert {service["phase"] for service in project["services"]} == {"exited"}
    assert live_api.client.post(f"/v1/projects/{ref}/pause").status_code == 200

    refused = live_api.client.post(f"/v1/projects/{ref}/restart")
    assert (refused.status_code, refused.json()["message"]) == (409, "A project that is INACTIVE cannot be restarted.")

    answer = live_api.client.post(f"/v1/projects/{ref}/restore")
    assert (answer.status_code, answer.content) == (200, b"")
    assert wait_for(live_api, ref, "ACTIVE_HEALTHY", "RESTORE_FAILED")["status"] == "ACTIVE_HEALTHY"
    assert live_api.client.post(f"/fleet/projects/{ref}/resume").json() is None
    assert kinds(live_api, ref) == ["project_create", "project_pause", "project_resume"]


def test_a_pause_that_was_not_seen_is_said_and_can_be_repeated(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    launcher.scripts["project_pause"] = Script(events=(observed("exited", kong="healthy"),))
    live_api.client.post(f"/fleet/projects/{ref}/pause")
    project = wait_for(live_api, ref, "INACTIVE", "PAUSE_FAILED")
    assert (project["status"], project["status_reason"]) == ("PAUSE_FAILED", "The run ended, but kong is healthy.")
    del launcher.scripts["project_pause"]
    live_api.client.post(f"/fleet/projects/{ref}/pause")
    wait_for(live_api, ref, "INACTIVE")


def test_a_restart_names_its_services_and_its_failure(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    answer = live_api.client.post(f"/fleet/projects/{ref}/restart", json={"services": ["auth", "redis"]})
    assert (answer.status_code, answer.json()["message"].split(":")[0]) == (422, "services")
    launcher.scripts["project_restart"] = fails_on("Wait", "The service auth ended with exit code 1.")
    run = live_api.client.post(f"/fleet/projects/{ref}/restart", json={"services": ["auth", "auth"]}).json()
    assert run["options"] == {"restart_services": ["auth"]}
    project = wait_for(live_api, ref, "ACTIVE_UNHEALTHY")
    assert project["status_reason"] == "The service auth ended with exit code 1."
    assert launcher.requests[-1].extra_vars["restart_services"] == ["auth"]


def test_who_asks_meanwhile_learns_what_goes_on_by_whom_since_when(
    live_api: Api, launcher: FakeLauncher, ref: str
) -> None:
    launcher.scripts["project_restart"] = hangs()
    run = live_api.client.post(f"/fleet/projects/{ref}/restart").json()
    assert live_api.client.post(f"/fleet/projects/{ref}/restart").json()["id"] == run["id"]
    refused = live_api.client.post(f"/fleet/projects/{ref}/pause")
    assert refused.status_code == 409
    assert (
        f"'{ref}' is busy: restarting the project by owner has not ended, it began at 20" in refused.json()["message"]
    )
    # Before its playbook has begun, a cancel would leave the project as it was.
    until = time.monotonic() + SECONDS
    while launcher.requests[-1].playbook != "project_restart.yml":
        assert time.monotonic() < until
        time.sleep(0.05)
    live_api.client.post(f"/fleet/runs/{run['id']}/cancel")
    project = wait_for(live_api, ref, "ACTIVE_UNHEALTHY")
    assert project["status_reason"] == "The run was canceled by owner."


def test_changes_that_come_together_end_in_few_converges(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    answers: list[int] = []

    def change(seconds: int) -> None:
        body = {"settings": {"jwt_expiry": seconds}}
        answers.append(live_api.client.patch(f"/fleet/projects/{ref}", json=body).status_code)

    threads = [threading.Thread(target=change, args=(1000 + number,)) for number in range(6)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    for thread in threads:
        thread.join()
    assert answers == [200] * 6
    assert 1 <= kinds(live_api, ref).count("project_converge") <= 3
    project = live_api.client.get(f"/fleet/projects/{ref}").json()
    assert project["applied_generation"] == project["desired_generation"] == 7
    assert launcher.requests[-1].project is not None
    assert launcher.requests[-1].project["settings"] == project["settings"]


def test_a_restart_is_a_way_out_of_a_failed_resume(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    live_api.client.post(f"/fleet/projects/{ref}/pause")
    wait_for(live_api, ref, "INACTIVE")
    launcher.scripts["project_resume"] = fails_on("Refuse", "The volumes of the project cannot be found on the host.")
    live_api.client.post(f"/fleet/projects/{ref}/resume")
    assert "volumes" in wait_for(live_api, ref, "RESTORE_FAILED")["status_reason"]
    assert live_api.client.post(f"/fleet/projects/{ref}/restart").status_code == 200
    wait_for(live_api, ref, "ACTIVE_HEALTHY")


def test_a_change_that_cannot_be_applied_is_said(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    answer = live_api.client.patch(f"/fleet/projects/{ref}", json={"settings": {"jwt_expiry": "soon"}})
    assert answer.status_code == 422
    assert answer.json()["message"].startswith("settings.jwt_expiry: ")
    launcher.scripts["project_converge"] = fails_on("Wait", "The service auth is unhealthy.")
    answer = live_api.client.patch(f"/fleet/projects/{ref}", json={"settings": {"disable_signup": True}})
    assert (answer.status_code, answer.json()["message"]) == (
        502,
        "The change is stored but was not applied: The service auth is unhealthy.",
    )
    del launcher.scripts["project_converge"]
    answer = live_api.client.patch(f"/fleet/projects/{ref}", json={"settings": {"disable_signup": None}})
    assert (answer.status_code, answer.json()["settings"], answer.json()["status"]) == (200, {}, "ACTIVE_HEALTHY")


def test_the_public_address_is_the_owners_to_say(live_api: Api, ref: str) -> None:
    before = live_api.client.get(f"/fleet/projects/{ref}").json()
    assert before["public_url"] == f"http://127.0.0.1:{before['gateway_port']}"
    change = {"settings": {"public_url": "https://shop.example.com/"}}
    assert live_api.client.patch(f"/fleet/projects/{ref}", json=change).status_code == 200
    assert live_api.client.get(f"/fleet/projects/{ref}").json()["public_url"] == "https://shop.example.com"
    refused = live_api.client.patch(f"/fleet/projects/{ref}", json={"settings": {"public_url": "shop.example.com"}})
    assert (refused.status_code, refused.json()["message"].partition(": ")[0]) == (422, "settings.public_url")


def test_a_paused_project_takes_its_new_settings_when_it_is_resumed(
    live_api: Api, launcher: FakeLauncher, ref: str
) -> None:
    live_api.client.post(f"/fleet/projects/{ref}/pause")
    wait_for(live_api, ref, "INACTIVE")
    answer = live_api.client.patch(f"/fleet/projects/{ref}", json={"settings": {"jwt_expiry": 1234}})
    assert (answer.status_code, answer.json()["applied_generation"]) == (200, 1)
    live_api.client.post(f"/fleet/projects/{ref}/resume")
    project = wait_for(live_api, ref, "ACTIVE_HEALTHY")
    assert project["applied_generation"] == project["desired_generation"] == 2
    assert launcher.requests[-1].project is not None
    assert launcher.requests[-1].project["settings"] == {"jwt_expiry": 1234}
