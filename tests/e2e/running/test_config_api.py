"""The official configuration on the real stack: a change is there when it is answered, and touches only its service."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.e2e import docker_eyes
from tests.e2e.live_service import LiveService
from tests.e2e.running.conftest import LiveProject

pytestmark = pytest.mark.docker

APPLY_SECONDS = 300


@pytest.fixture(scope="module")
def project(projects: tuple[LiveProject, LiveProject], service: LiveService) -> Iterator[LiveProject]:
    """A project that has its defaults again afterwards."""
    chosen = projects[1]
    yield chosen
    change_at_once(
        service,
        chosen,
        ("PATCH", "config/auth", {"disable_signup": None, "password_min_length": None}),
        ("PATCH", "postgrest", {"max_rows": None}),
        ("PATCH", "config/storage", {"fileSizeLimit": 52_428_800}),
        ("PUT", "config/database/postgres", {}),
    )


def change(
    service: LiveService, project: LiveProject, path: str, body: dict[str, Any], method: str = "PATCH"
) -> httpx.Response:
    with service.client() as api:
        answer = api.request(method, f"/v1/projects/{project.ref}/{path}", json=body, timeout=APPLY_SECONDS)
    assert answer.status_code == 200, answer.text
    return answer


def change_at_once(service: LiveService, project: LiveProject, *changes: tuple[str, str, dict[str, Any]]) -> None:
    """Ask for all of them at the same time: method, path and body."""
    with ThreadPoolExecutor(len(changes)) as clients:
        asked = [clients.submit(change, service, project, path, body, method) for method, path, body in changes]
    for one in asked:
        one.result()


def touched(project: LiveProject, before: dict[str, str]) -> set[str]:
    after = docker_eyes.container_ids(project.ref)
    return {service for service in after if before.get(service) != after[service]}


def sign_up(project: LiveProject, name: str) -> httpx.Response:
    body = {"email": f"{name}@example.com", "password": "longEnough77"}
    return httpx.post(f"{project.url}/auth/v1/signup", json=body, headers={"apikey": project.anon_key}, timeout=30)


def sql(project: LiveProject, statement: str) -> str:
    return docker_eyes.docker("exec", f"{project.ref}-db", "psql", "-U", "postgres", "-Atc", statement).strip()


def test_a_change_is_there_and_touches_one_container(service: LiveService, project: LiveProject) -> None:
    assert sign_up(project, "first").status_code == 200
    before = docker_eyes.container_ids(project.ref)
    assert change(service, project, "config/auth", {"disable_signup": True}).json()["disable_signup"] is True
    refused = sign_up(project, "second")
    assert refused.status_code in (403, 422), refused.text
    assert touched(project, before) == {"auth"}
    change(service, project, "config/auth", {"disable_signup": False})
    assert sign_up(project, "second").status_code == 200

    sql(project, "create table many as select n from generate_series(1, 50) n; grant select on many to service_role")
    before = docker_eyes.container_ids(project.ref)
    change(service, project, "postgrest", {"max_rows": 7})
    assert touched(project, before) == {"rest", "studio"}, "Studio shows the limit"
    keys = {"apikey": project.service_role_key, "Authorization": f"Bearer {project.service_role_key}"}
    rows = httpx.get(f"{project.url}/rest/v1/many", headers=keys, timeout=30)
    assert (rows.status_code, len(rows.json())) == (200, 7), rows.text

    before = docker_eyes.container_ids(project.ref)
    change(service, project, "config/database/postgres", {"work_mem": "7MB", "log_lock_waits": True}, "PUT")
    assert (sql(project, "show work_mem"), sql(project, "show log_lock_waits")) == ("7MB", "on")
    assert touched(project, before) == {"db"}
    assert set(docker_eyes.health(project.ref).values()) == {"healthy"}


def test_the_data_api_goes_off_and_on_and_the_rest_goes_on(service: LiveService, project: LiveProject) -> None:
    def asked(path: str, key: str) -> int:
        headers = {"apikey": key, "Authorization": f"Bearer {key}"}
        return httpx.get(f"{project.url}{path}", headers=headers, timeout=30).status_code

    paths = ("/rest/v1/", "/rest/v1/many", "/graphql/v1", "/storage/v1/bucket", "/auth/v1/health")
    with service.client() as api:
        served = api.get(f"/v1/projects/{project.ref}/postgrest").json()["db_schema"]
    assert change(service, project, "postgrest", {"db_schema": ""}).json()["db_schema"] == ""
    assert [asked(path, project.service_role_key) for path in paths] == [404, 404, 404, 200, 200]
    assert asked("/rest/v1/", "not-a-key") == 401
    assert service.project(project.ref)["status"] == "ACTIVE_HEALTHY"

    change(service, project, "postgrest", {"db_schema": served})
    assert asked("/rest/v1/", project.service_role_key) == 200
    assert set(docker_eyes.health(project.ref).values()) == {"healthy"}


def test_auth_is_answered_with_the_text_of_a_mail(service: LiveService, project: LiveProject) -> None:
    text = '<h1>Grüß dich</h1>\n<a href="{{ .ConfirmationURL }}">it\'s here</a>\n'
    before = docker_eyes.container_ids(project.ref)
    told = change(service, project, "config/auth", {"mailer_templates_invite_content": text}).json()
    assert told["mailer_templates_invite_content"] == text
    assert touched(project, before) == {"auth", "kong"}
    fetch = 'wget -qO- "$GOTRUE_MAILER_TEMPLATES_INVITE"'
    assert docker_eyes.docker("exec", f"{project.ref}-auth", "sh", "-c", fetch) == text.strip()

    change(service, project, "config/auth", {"mailer_templates_invite_content": None})
    assert "GOTRUE_MAILER_TEMPLATES" not in docker_eyes.docker("exec", f"{project.ref}-auth", "env")
    assert httpx.get(f"{project.url}/mail-templates/invite.html", timeout=30).status_code == 401, "as any other page"


def test_five_changes_at_once_end_in_few_converges(service: LiveService, project: LiveProject) -> None:
    def converges() -> int:
        return sum(run["kind"] == "project_converge" for run in service.runs(project.ref))

    before = converges()
    change_at_once(
        service,
        project,
        ("PATCH", "config/auth", {"disable_signup": True}),
        ("PATCH", "config/auth", {"password_min_length": 9}),
        ("PATCH", "postgrest", {"max_rows": 11}),
        ("PATCH", "config/storage", {"fileSizeLimit": 1_000_000}),
        ("PATCH", "config/database/postgres", {"work_mem": "6MB"}),
    )
    assert 1 <= converges() - before <= 3
    assert sql(project, "show work_mem") == "6MB"
    assert sign_up(project, "third").status_code in (403, 422)
