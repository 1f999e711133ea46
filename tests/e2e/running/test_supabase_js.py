"""The official client uses a project through its gateway."""

import json
import time
from typing import Any

import jwt
import pytest

from tests.e2e.running.conftest import LiveProject

pytestmark = pytest.mark.docker

HELLO = """
Deno.serve(async (request) => {
  const { name } = await request.json();
  return Response.json({ message: `Hello ${name}!` });
});
"""


def deploy_hello(project: LiveProject) -> None:
    folder = project.root / "functions" / "hello"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.ts").write_text(HELLO)


def test_an_application_works(projects: tuple[LiveProject, LiveProject], supabase_js: Any) -> None:
    project, _other = projects
    deploy_hello(project)
    results = json.loads(supabase_js(project.environment).stdout)
    assert results == {
        "own_rows": 1,
        "rows_of_others": 0,
        "rows_for_service": 1,
        "downloaded": "contents",
        "anonymous_download": True,
        "function": {"message": "Hello Supafleet!"},
        "broadcast": {"text": "hi"},
        "wrong_key": 401,
        "no_key": 401,
        "pg_with_anon": 403,
        "dashboard_without_password": 401,
    }


def test_a_second_projects_keys_are_refused(projects: tuple[LiveProject, LiveProject], supabase_js: Any) -> None:
    first, second = projects
    mixed = {**first.environment, "ANON_KEY": second.anon_key, "SERVICE_ROLE_KEY": second.service_role_key}
    answer = supabase_js(mixed, expect_failure=True)
    assert answer.returncode != 0
    assert "sign up" in answer.stderr


def test_keys_are_real_tokens_that_have_not_expired(projects: tuple[LiveProject, LiveProject]) -> None:
    for project in projects:
        for key, role in ((project.anon_key, "anon"), (project.service_role_key, "service_role")):
            claims = jwt.decode(key, options={"verify_signature": False})
            assert claims["role"] == role
            assert claims["iss"] == "supabase"
            assert claims["exp"] > time.time() + 365 * 24 * 3600
