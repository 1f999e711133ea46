"""Every change leaves one row that says who asked for it and how it ended; reading leaves none."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from supafleet.audit import recording
from supafleet.audit import service as audit
from supafleet.db import unit_of_work, utc_now
from supafleet.projects import creation
from tests.integration.api.conftest import PASSWORD, Api
from tests.integration.api.people import add_person


def entries(api: Api, **query: Any) -> list[dict[str, Any]]:
    answer = api.client.get(f"/fleet/organizations/{api.organization}/audit", params=query)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()["entries"]
    return listed


def of_none(api: Api) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = api.client.get("/fleet/audit").json()["entries"]
    return listed


def told(entry: dict[str, Any]) -> tuple[Any, ...]:
    return entry["operation"], entry["actor"], entry["status"], entry["outcome"]


def test_a_change_is_told_with_who_where_and_what(api: Api) -> None:
    answer = api.client.post("/v1/projects", json=api.body(name="Secret name"))
    ref = answer.json()["ref"]
    api.client.get("/v1/projects")
    paused = api.client.post(f"/v1/projects/{ref}/pause")
    newest, created = entries(api)
    assert told(created) == ("v1-create-a-project", "owner", 201, "done")
    assert created["target"] == {"ref": ref}
    assert created["request_id"] == answer.headers["x-request-id"]
    assert created["address"] == "testclient"
    assert abs(utc_now().timestamp() - _seconds(created["at"])) < 60
    assert told(newest) == ("v1-pause-a-project", "owner", paused.status_code, "refused")
    assert newest["target"] == {"ref": ref}
    with api.engine.connect() as connection:
        stored = str(list(connection.execute(text("SELECT * FROM audit_entry"))))
    assert PASSWORD not in stored
    assert "Secret name" not in stored


def test_what_is_refused_is_told_too(api: Api) -> None:
    headers = add_person(api, "eve").headers
    path = f"/v2/organizations/{api.organization}/members/invitations"
    assert api.client.post(path, json={}, headers=headers).status_code == 403
    assert api.client.post(path, json={}).status_code == 422
    assert api.client.put("/fleet/hosts/local", json={}).status_code == 422
    assert [told(entry) for entry in entries(api)] == [
        ("v2-create-organization-invitations", "owner", 422, "refused"),
        ("v2-create-organization-invitations", "eve", 403, "refused"),
    ]
    assert [(told(entry), entry["target"]) for entry in of_none(api)] == [
        (("fleet-put-host", "owner", 422, "refused"), {"name": "local"})
    ]


def test_a_bug_is_told_as_failed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(creation, "choose_place", break_down)
    assert api.client.post("/v1/projects", json=api.body()).status_code == 500
    assert [told(entry) for entry in entries(api)] == [("v1-create-a-project", "owner", 500, "failed")]


def test_nobody_fills_the_record_without_a_token(api: Api) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer sbp_" + "0" * 40}):
        assert api.client.post("/v1/organizations", json={"name": "x"}, headers=headers).status_code == 401
    assert api.client.post("/auth/token", json={}).status_code == 422
    assert api.client.post("/nowhere", json={}).status_code == 404
    assert api.client.put("/v1/projects", json={}).status_code == 405
    assert of_none(api) == []
    assert entries(api) == []


def test_sign_ins_are_told_to_operators(api: Api) -> None:
    api.client.put("/fleet/account/password", json={"password": PASSWORD})
    for email, password in (
        ("owner@localhost", PASSWORD),
        ("owner@localhost", "not it"),
        ("nobody@example.com", "hunter2"),
    ):
        api.client.post("/auth/token?grant_type=password", json={"email": email, "password": password})
    assert [told(entry) for entry in of_none(api)] == [
        ("auth-token", None, 401, "refused"),
        ("auth-token", "owner", 401, "refused"),
        ("auth-token", "owner", 200, "done"),
        ("fleet-set-password", "owner", 204, "done"),
    ]


def test_who_joins_is_told_to_the_organization(api: Api) -> None:
    headers = add_person(api, "eve").headers
    body = {"type": "organization_invitation", "attributes": {"email": "eve@example.com", "role": "developer"}}
    path = f"/v2/organizations/{api.organization}/members/invitations"
    token = api.client.post(path, json={"data": [body]}).json()["data"][0]["attributes"]["token"]
    api.client.post("/fleet/invitations/accept", json={"token": token}, headers=headers)
    assert [told(entry)[:2] for entry in entries(api)] == [
        ("fleet-accept-invitation", "eve"),
        ("v2-create-organization-invitations", "owner"),
    ]
    assert token not in str(entries(api))


def test_a_new_organization_has_its_own_record(api: Api) -> None:
    slug = api.client.post("/v1/organizations", json={"name": "Second"}).json()["slug"]
    answer = api.client.get(f"/fleet/organizations/{slug}/audit").json()
    assert [told(entry)[0] for entry in answer["entries"]] == ["v1-create-an-organization"]
    assert entries(api) == []


def test_the_record_comes_in_pages(api: Api) -> None:
    for number in range(5):
        api.create(name=f"Number {number}")
    path = f"/fleet/organizations/{api.organization}/audit"
    sizes, before = [], None
    while True:
        query = {"limit": 2, **({} if before is None else {"before": before})}
        page = api.client.get(path, params=query).json()
        sizes.append(len(page["entries"]))
        before = page["next"]
        if before is None:
            break
    assert sizes == [2, 2, 1]
    assert api.client.get(path, params={"limit": 0}).status_code == 422


def test_old_rows_are_forgotten(api: Api) -> None:
    api.create()
    for days, left in ((-1, 1), (1, 0)):
        with unit_of_work(api.engine) as session:
            audit.forget_before(session, utc_now() + timedelta(days=days))
        assert len(entries(api)) == left


def test_a_change_whose_row_cannot_be_written_is_in_the_log(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("disk full"))

    monkeypatch.setattr(recording, "_store", fail)
    with capture_logs() as lines:
        assert api.client.post("/v1/organizations", json={"name": "Second"}).status_code == 201
    (line,) = [line for line in lines if line["event"] == "audit.lost"]
    assert line["operation"] == "v1-create-an-organization"
    assert line["actor"] == "owner"


def test_odd_words_in_a_path_are_stored(api: Api) -> None:
    assert api.client.post("/v1/projects/%09%0a" + "x" * 300 + "/pause").status_code == 404
    (entry,) = of_none(api)
    assert entry["target"]["ref"].startswith("??x")
    assert len(entry["target"]["ref"]) == 64


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
