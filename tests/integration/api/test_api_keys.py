"""API keys through the API, with scripted playbooks."""

import re
from typing import Any

import pytest
from sqlmodel import col, select

from supafleet.app import create_app
from supafleet.db import unit_of_work
from supafleet.runner.fake import FakeLauncher
from supafleet.secrets.models import ProjectSecret
from tests.integration.api.conftest import Api, given, serve

PATTERN = re.compile(r"sb_(publishable|secret)_[A-Za-z0-9_-]{22}_[A-Za-z0-9_-]{8}")
#: Longer than a name.
REASON = "A laptop was lost on the train from Hamburg to Berlin, with the key in an editor that was open."
SHAPE = {
    *("name", "id", "type", "api_key", "prefix", "description", "hash", "secret_jwt_template"),
    *("inserted_at", "updated_at"),
}


def make(api: Api, ref: str, kind: str, name: str = "default", **query: str) -> Any:
    body = {"type": kind, "name": name}
    return api.client.post(f"/v1/projects/{ref}/api-keys", json=body, params=query)


def test_keys_are_made_told_renamed_and_deleted(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    path = f"/v1/projects/{ref}/api-keys"
    answer = make(live_api, ref, "publishable")
    assert answer.status_code == 201, answer.text
    publishable = answer.json()
    assert set(publishable) == SHAPE
    assert PATTERN.fullmatch(publishable["api_key"])
    secret = make(live_api, ref, "secret").json()
    assert secret["api_key"] == secret["prefix"] + "·" * 12
    assert secret["secret_jwt_template"] == {"role": "service_role"}
    second = make(live_api, ref, "secret", "second_one", reveal="true").json()
    assert PATTERN.fullmatch(second["api_key"])

    listed = live_api.client.get(path).json()
    assert [(key["type"], key["name"]) for key in listed] == [
        ("legacy", "anon"),
        ("legacy", "service_role"),
        ("publishable", "default"),
        ("secret", "default"),
        ("secret", "second_one"),
    ]
    assert all(set(key) == SHAPE for key in listed)
    revealed = live_api.client.get(f"{path}/{secret['id']}", params={"reveal": "true"}).json()
    assert PATTERN.fullmatch(revealed["api_key"])
    assert live_api.client.get(f"{path}/{secret['id']}").json() == secret
    assert live_api.client.get(f"{path}/anon").json()["type"] == "legacy"
    assert given(launcher, ref, "api_key.") == {
        "publishable.default": publishable["api_key"],
        "secret.default": revealed["api_key"],
        "secret.second_one": second["api_key"],
    }
    assert revealed["api_key"] in launcher.requests[-1].secrets
    with unit_of_work(live_api.engine) as session:
        assert all(revealed["api_key"] not in row.ciphertext for row in session.exec(select(ProjectSecret)))

    assert make(live_api, ref, "secret").json() == {
        "message": "name: the project already has a secret key named 'default'."
    }
    taken = live_api.client.patch(f"{path}/{second['id']}", json={"name": "default"})
    assert taken.status_code == 409
    changed = live_api.client.patch(f"{path}/{second['id']}", json={"name": "backend", "description": "of the shop"})
    assert (changed.status_code, changed.json()["name"], changed.json()["description"]) == (
        200,
        "backend",
        "of the shop",
    )
    assert given(launcher, ref, "api_key.")["secret.backend"] == second["api_key"]
    told = live_api.client.patch(f"{path}/{second['id']}", json={"description": None}, params={"reveal": "true"})
    assert (told.json()["description"], told.json()["api_key"]) == (None, second["api_key"])

    parameters = {"reveal": "false", "was_compromised": "true", "reason": REASON}
    gone = live_api.client.delete(f"{path}/{second['id']}", params=parameters)
    assert (gone.status_code, gone.json()["id"]) == (200, second["id"])
    assert set(given(launcher, ref, "api_key.")) == {"publishable.default", "secret.default"}
    entry = live_api.client.get(f"/fleet/organizations/{live_api.organization}/audit").json()["entries"][0]
    assert entry["target"] == {"ref": ref, "id": second["id"], "was_compromised": "true", "reason": REASON}
    for method in ("GET", "DELETE"):
        answer = live_api.client.request(method, f"{path}/{second['id']}")
        assert (answer.status_code, answer.json()["message"]) == (404, f"API key '{second['id']}' does not exist.")
    for method, body in (("PATCH", {"name": "other"}), ("DELETE", None)):
        answer = live_api.client.request(method, f"{path}/anon", json=body)
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("A legacy key cannot be changed or deleted")
        declared = live_api.app.openapi()["paths"]["/v1/projects/{ref}/api-keys/{id}"][method.lower()]["responses"]
        assert "400" in declared


def test_the_legacy_keys_are_switched_off_and_on(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    path = f"/v1/projects/{ref}/api-keys"
    assert live_api.client.get(f"{path}/legacy").json() == {"enabled": True}
    requests = len(launcher.requests)
    assert live_api.client.put(f"{path}/legacy", params={"enabled": "true"}).json() == {"enabled": True}
    assert len(launcher.requests) == requests

    answer = live_api.client.put(f"{path}/legacy", params={"enabled": "false"})
    assert (answer.status_code, answer.json()) == (200, {"enabled": False})
    assert live_api.client.get(f"{path}/legacy").json() == {"enabled": False}
    assert live_api.client.get(path).json() == []
    assert live_api.client.get(f"{path}/anon").status_code == 404
    request = launcher.requests[-1]
    assert request.project is not None
    assert request.project["settings"] == {"legacy_api_keys": False}
    own = request.extra_vars["supafleet_secrets"][ref]
    assert PATTERN.fullmatch(own["gateway_publishable_key"])
    assert PATTERN.fullmatch(own["gateway_secret_key"])

    assert live_api.client.put(f"{path}/legacy", params={"enabled": "true"}).status_code == 200
    assert [key["name"] for key in live_api.client.get(path).json()] == ["anon", "service_role"]
    assert live_api.client.put(f"{path}/legacy").json() == {"message": "enabled: is required"}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"type": "secret", "name": "abc"}, "name: must be 4 to 64 lower-case letters, digits and underscores"),
        ({"type": "secret", "name": "Upper"}, "name: must be 4 to 64 lower-case letters"),
        ({"type": "legacy", "name": "abcd"}, "type: must be publishable or secret"),
        ({"type": "secret", "name": "abcd", "secret_jwt_template": {"role": "postgres"}}, "secret_jwt_template: must"),
        (
            {"type": "publishable", "name": "abcd", "secret_jwt_template": {"role": "service_role"}},
            "body: secret_jwt_template may only be set for a secret key",
        ),
    ],
)
def test_a_bad_key_is_refused_with_one_sentence(api: Api, body: dict[str, Any], sentence: str) -> None:
    answer = api.client.post(f"/v1/projects/{api.create()['ref']}/api-keys", json=body)
    assert (answer.status_code, set(answer.json())) == (422, {"message"}), answer.text
    assert answer.json()["message"].startswith(sentence)


def test_a_project_of_an_earlier_version_gets_the_keys_that_it_lacks(api: Api) -> None:
    api.create()
    names = ("gateway_publishable_key", "gateway_secret_key")
    with unit_of_work(api.engine) as session:
        for row in session.exec(select(ProjectSecret).where(col(ProjectSecret.name).in_(names))):
            session.delete(row)
    for _client in serve(create_app(api.settings), api.settings):
        pass
    with unit_of_work(api.engine) as session:
        assert len(session.exec(select(ProjectSecret).where(col(ProjectSecret.name).in_(names))).all()) == 2
