"""Secrets of edge functions through the API, with scripted playbooks."""

from hashlib import sha256
from typing import Any

import pytest

from supafleet.runner.fake import FakeLauncher, fails_on
from tests.integration.api.conftest import Api, given

VALUE = "first line\nsecond line with 'quotes'"


def runs(api: Api, ref: str) -> int:
    return len(api.client.get("/fleet/runs", params={"project": ref}).json())


def test_secrets_are_set_listed_as_digests_and_unset(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    path = f"/v1/projects/{ref}/secrets"
    assert live_api.client.get(path).json() == []
    answer = live_api.client.post(path, json=[{"name": "FOO", "value": VALUE}, {"name": "_bar2", "value": ""}])
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (201, b"", "0")
    assert "content-type" not in answer.headers
    listed = live_api.client.get(path)
    assert VALUE not in listed.text
    assert [set(one) for one in listed.json()] == [{"name", "value", "updated_at"}] * 2
    assert {one["name"]: one["value"] for one in listed.json()} == {
        "FOO": sha256(VALUE.encode()).hexdigest(),
        "_bar2": sha256(b"").hexdigest(),
    }
    assert given(launcher, ref, "function_secret.") == {"FOO": VALUE, "_bar2": ""}
    assert VALUE in launcher.requests[-1].secrets

    # What is the same needs no run.
    before = runs(live_api, ref)
    assert live_api.client.post(path, json=[{"name": "FOO", "value": VALUE}]).status_code == 201
    assert live_api.client.request("DELETE", path, json=["NOBODY"]).status_code == 200
    assert runs(live_api, ref) == before

    answer = live_api.client.request("DELETE", path, json=["FOO", "NOBODY"])
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert [one["name"] for one in live_api.client.get(path).json()] == ["_bar2"]
    assert given(launcher, ref, "function_secret.") == {"_bar2": ""}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([{"name": "SUPABASE_URL", "value": "x"}], "0.name: may not begin with SUPABASE_"),
        ([{"name": "1A", "value": "x"}], "0.name: must be 1 to 100 letters, digits and underscores"),
        ([{"name": "A-B", "value": "x"}], "0.name: must be 1 to 100 letters, digits and underscores"),
        ([{"name": "A", "value": "x"}, {"name": "", "value": "x"}], "1.name: must be 1 to 100"),
        ([{"name": "A", "value": "x" * 24577}], "0.value: must have at most 24576 bytes"),
        ([{"name": "A", "value": "a\0b"}], "0.value: must be text without NUL characters"),
        ([{"name": "A"}], "0.value: is required"),
        ([{"name": f"A{number}", "value": "x"} for number in range(101)], "body: "),
        ([{"name": f"A{number}", "value": "x" * 24000} for number in range(6)], "body: the secrets of a project may"),
        ({"A": "x"}, "body: must be a list"),
    ],
)
def test_a_bad_secret_is_refused_with_one_sentence(api: Api, body: Any, sentence: str) -> None:
    path = f"/v1/projects/{api.create()['ref']}/secrets"
    answer = api.client.post(path, json=body)
    assert (answer.status_code, set(answer.json())) == (422, {"message"}), answer.text
    assert answer.json()["message"].startswith(sentence)
    assert api.client.get(path).json() == []


def test_a_value_never_comes_back_in_a_refusal(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    launcher.scripts["project_converge"] = fails_on("Wait", f"functions said {VALUE}")
    answer = live_api.client.post(f"/v1/projects/{ref}/secrets", json=[{"name": "FOO", "value": VALUE}])
    assert answer.status_code == 502
    assert VALUE not in answer.text
    assert "********" in answer.text
