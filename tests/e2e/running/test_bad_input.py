"""Bad input is answered with one sentence before anything is changed; failures name service and reason."""

import socket
from typing import Any

import pytest

from tests.e2e import docker_eyes
from tests.e2e.live_service import LiveService
from tests.e2e.running.conftest import AWKWARD_NAME, E2E_PORTS, LiveProject

pytestmark = pytest.mark.docker


def ask(service: LiveService, **fields: Any) -> tuple[int, str]:
    with service.client() as api:
        organization = api.get("/v1/organizations").json()[0]["slug"]
        body = {
            "name": "Refused",
            "organization_slug": organization,
            "db_pass": "correctHorse7battery",
            "region": "local",
            **fields,
        }
        answer = api.post("/v1/projects", json=body)
        assert set(answer.json()) == {"message"} or answer.status_code == 201, answer.text
        return answer.status_code, answer.json().get("message", answer.json().get("ref"))


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"region": "atlantis-1"}, 422, ["region", "atlantis-1", "eu-central-1"]),
        ({"release": "1999.01"}, 422, ["release", "1999.01", "2026.09"]),
        ({"flavour": "vanilla"}, 422, ["flavour", "sandbox"]),
        ({"desired_instance_size": "48xlarge"}, 422, ["size", "micro"]),
        ({"db_pass": "short"}, 422, ["db_pass", "12"]),
        ({"db_pass": "has spaces and $igns"}, 422, ["db_pass", "letters"]),
        ({"db_pass": "a'; drop table x; --"}, 422, ["db_pass", "letters"]),
        ({"name": "two\nlines"}, 422, ["name"]),
        ({"name": ""}, 422, ["name"]),
        ({"organization_slug": "nobodys-organization"}, 404, ["nobodys-organization"]),
        ({"settings": {"site_url": "not a url"}}, 422, ["site_url", "http"]),
        ({"settings": {"environment": {"auth": {"A": "two\nlines"}}}}, 422, ["auth"]),
        ({"settings": {"no_such_setting": 1}}, 422, ["no_such_setting"]),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    service: LiveService, fields: dict[str, Any], status: int, words: list[str]
) -> None:
    before = docker_eyes.docker("ps", "-aq")
    answer, message = ask(service, **fields)
    assert answer == status, message
    assert "\n" not in message
    for word in words:
        assert word in message, message
    assert docker_eyes.docker("ps", "-aq") == before


def test_a_duplicate_name_is_a_conflict(service: LiveService, projects: tuple[LiveProject, LiveProject]) -> None:
    status, message = ask(service, name="Second")
    assert status == 409
    assert "Second" in message


def test_quotes_and_templates_in_a_name_stay_text(
    service: LiveService, projects: tuple[LiveProject, LiveProject]
) -> None:
    ref = projects[0].ref
    assert service.project(ref)["name"] == AWKWARD_NAME
    environment = docker_eyes.containers(ref)["studio"]["Config"]["Env"]
    assert f"DEFAULT_PROJECT_NAME={AWKWARD_NAME}" in environment


PORT_TAKEN = "Port taken"
BROKEN: dict[str, dict[str, Any]] = {
    "No image": {"settings": {"images": {"auth": "example.invalid/nobody/gotrue:v0"}}},
    "Official": {"flavour": "supabase", "settings": {"images": {"db": "example.invalid/db:1"}}},
    "Broken setting": {"settings": {"environment": {"realtime": {"DB_ENC_KEY": "too short"}}}},
}


@pytest.fixture(scope="module")
def failed(service: LiveService) -> dict[str, dict[str, Any]]:
    """Projects by name after creations that have to fail, asked for at the same time; they are removed again."""
    refs = {name: service.create(name, **fields) for name, fields in BROKEN.items()}
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", next_port(service)))
        foreign.listen()
        refs[PORT_TAKEN] = service.create(PORT_TAKEN)
        projects = {name: service.wait(ref, "INIT_FAILED", "ACTIVE_HEALTHY") for name, ref in refs.items()}
    service.delete(*refs.values())
    assert [docker_eyes.leftovers(ref) for ref in refs.values()] == [{}] * len(refs)
    assert {project["status"] for project in projects.values()} == {"INIT_FAILED"}
    return projects


def next_port(service: LiveService) -> int:
    """The gateway port that the next project gets."""
    with service.client() as api:
        leased = {project["gateway_port"] for project in api.get("/fleet/projects").json()}
    return next(port for port in range(*E2E_PORTS) if port not in leased)


def test_a_port_taken_by_a_foreign_process_is_named(failed: dict[str, dict[str, Any]]) -> None:
    port, reason = failed[PORT_TAKEN]["gateway_port"], failed[PORT_TAKEN]["status_reason"]
    assert f"port {port} on 127.0.0.1 is taken by another process" in reason


def test_an_image_that_does_not_exist_is_named(failed: dict[str, dict[str, Any]]) -> None:
    assert "example.invalid/nobody/gotrue:v0 (service auth)" in failed["No image"]["status_reason"]


def test_official_images_that_cannot_be_pulled_name_both_ways_out(failed: dict[str, dict[str, Any]]) -> None:
    assert "registry_prefix" in failed["Official"]["status_reason"]
    assert "flavour sandbox" in failed["Official"]["status_reason"]


def test_a_service_that_dies_at_start_is_named_with_its_last_words(failed: dict[str, dict[str, Any]]) -> None:
    reason = failed["Broken setting"]["status_reason"]
    assert reason.startswith("service realtime ")
    assert "restarted" in reason
    assert "DB_ENC_KEY" in reason
