"""The gate of a route comes before everything else, and is asked again where much time passes behind it."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from supafleet import deps, waiting
from supafleet.organizations.models import Role
from supafleet.permissions import Permission
from supafleet.projects import logs
from supafleet.runner.fake import FakeLauncher, hangs, reads_logs
from supafleet.runs import router as runs_router
from tests.integration.api.conftest import SECONDS, Api
from tests.integration.api.people import Person, add_person, become_behind_the_gate
from tests.integration.api.test_logs import follow

INVITATION = {
    "data": [{"type": "organization_invitation", "attributes": {"email": "eve@example.com", "role": "administrator"}}]
}


def test_a_body_is_looked_at_behind_the_gate(api: Api) -> None:
    reader = add_person(api, "reader", Role.READ_ONLY)
    path = f"/v2/organizations/{api.organization}/members/invitations"
    broken = {"content": b"{", "headers": {"Content-Type": "application/json"}}
    assert api.client.post(path, **broken).status_code == 422
    broken["headers"] |= reader.headers
    assert api.client.post(path, **broken).status_code == 403
    broken["headers"] |= {"Authorization": "Bearer nothing"}
    assert api.client.post(path, **broken).status_code == 401


def wait_for_waiting(count: int) -> None:
    until = time.monotonic() + SECONDS
    while sum(waiting._waiting_now.values()) < count:
        assert time.monotonic() < until, "they do not wait"
        time.sleep(0.02)


def test_who_waits_takes_nobodys_thread(
    live_api: Api, launcher: FakeLauncher, ref: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MOST_OF_ONE_PROJECT", 1000)
    launcher.scripts["project_observe"] = hangs()
    path = f"/v1/projects/{ref}/health?services=db&timeout_ms=10000"
    with ThreadPoolExecutor(60) as pool:
        asked = [pool.submit(live_api.client.get, path) for _ in range(60)]
        wait_for_waiting(60)
        assert live_api.client.get("/v1/profile").status_code == 200
        assert not any(one.done() for one in asked), "the answer came while all were waiting"
    assert {one.result().status_code for one in asked} == {200}


def test_only_so_many_wait_for_one_project(
    live_api: Api, launcher: FakeLauncher, ref: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MOST_OF_ONE_PROJECT", 1)
    launcher.scripts["project_observe"] = hangs()
    other = live_api.create(name="Other")["ref"]
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(live_api.client.get, f"/v1/projects/{ref}/health?services=db&timeout_ms=3000")
        wait_for_waiting(1)
        refused = live_api.client.get(f"/v1/projects/{ref}/health?services=db&timeout_ms=0")
        assert live_api.client.get(f"/v1/projects/{other}/health?services=db&timeout_ms=0").status_code == 200
    assert refused.status_code == 429
    assert refused.json()["message"].startswith(f"1 requests already wait for the project {ref}: ask again")
    assert int(refused.headers["retry-after"]) > 0
    assert first.result().status_code == 200


def test_a_role_taken_away_behind_the_gate_gives_nothing_lasting(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = add_person(api, "admin", Role.ADMINISTRATOR)
    become_behind_the_gate(monkeypatch, Permission.MEMBERS_WRITE, api, admin, Role.READ_ONLY)
    answer = api.client.post(
        f"/v2/organizations/{api.organization}/members/invitations", json=INVITATION, headers=admin.headers
    )
    assert answer.status_code == 403
    with api.engine.connect() as connection:
        assert list(connection.execute(text("SELECT * FROM invitation"))) == []


def heard_until_dismissed(api: Api, path: str, reader: Person, mark: bytes) -> str:
    """What somebody hears who begins to listen, and is removed from the organization after `mark`."""
    owner = api.client.headers["Authorization"]
    api.client.headers["Authorization"] = reader.headers["Authorization"]
    listener, listening = follow(api, path, mark)
    api.client.headers["Authorization"] = owner
    assert api.client.delete(f"/v2/organizations/{api.organization}/members/{reader.gotrue_id}").status_code == 200
    listening.result(timeout=SECONDS)
    return listener.heard.decode()


def test_who_is_dismissed_hears_no_more(
    live_api: Api, launcher: FakeLauncher, ref: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deps, "STANDING_SECONDS", 0.0)
    monkeypatch.setattr(logs, "_QUIET_SECONDS", 0.05)
    monkeypatch.setattr(runs_router, "_COMMENT_SECONDS", 0.05)
    launcher.scripts["project_logs"] = reads_logs([("auth", "one")], hang=True)
    reader = add_person(live_api, "reader", Role.READ_ONLY)
    heard = heard_until_dismissed(live_api, f"/fleet/projects/{ref}/logs?follow=true", reader, b"one")
    last = json.loads(heard.strip().splitlines()[-1])
    assert "does not belong to this organization" in last["error"]

    launcher.scripts["project_restart"] = hangs()
    run = live_api.client.post(f"/fleet/projects/{ref}/restart", json={}).json()["id"]
    follower = add_person(live_api, "follower", Role.READ_ONLY)
    heard = heard_until_dismissed(live_api, f"/fleet/runs/{run}/events", follower, b"run.started")
    assert heard.strip().splitlines()[-1].startswith(": The account 'follower' does not belong")
    live_api.client.post(f"/fleet/runs/{run}/cancel")


def test_one_account_leaves_others_room_to_read_logs(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    live_api.settings.log_readers = 2
    launcher.scripts["project_logs"] = reads_logs([("auth", "one")], hang=True)
    _, listening = follow(live_api, f"/fleet/projects/{ref}/logs?follow=true")
    launcher.scripts["project_logs"] = reads_logs([("auth", "one")])
    refused = live_api.client.get(f"/fleet/projects/{ref}/logs")
    assert (refused.status_code, "of this account" in refused.json()["message"]) == (409, True)
    reader = add_person(live_api, "reader", Role.READ_ONLY)
    assert live_api.client.get(f"/fleet/projects/{ref}/logs", headers=reader.headers).status_code == 200
    listening.cancel()
