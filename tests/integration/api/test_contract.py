"""The official Management API: every operation that is built answers as its document says.

`management_api.json` holds the official schemas of answers as JSON Schema, without their words. An enum that is open to
new values is none there. `service/supafleet/official/operations.json` holds ids, paths and success codes.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi import FastAPI

from supafleet.official.catalogue import Operation, operations, place
from supafleet.runner.fake import FakeLauncher, hangs
from tests.integration.api.conftest import Api
from tests.integration.api.test_authorization import api_routes
from tests.integration.api.test_lifecycle import wait_for

_DOCUMENT = json.loads(Path(__file__).with_name("management_api.json").read_text())
OFFICIAL = {operation.id: operation for operation in operations()}
Call = tuple[str, str, Any]

#: What an answer leaves out although the document requires it, and why.
LEFT_OUT = {
    "v2-get-project-config": {
        "data.attributes.pooler": "no release has a pooler",
        "data.attributes.realtime.connection_pool": "Realtime does not tell it",
    },
    "v1-get-available-regions": {"recommendations.smartGroup": "the only host is in no official region"},
}
#: Where an operation is held to its shape that is not called here.
ELSEWHERE: dict[str, str] = {
    "v1-apply-a-migration": "test_database_api.py",
    "v1-bulk-create-secrets": "test_function_secrets.py",
    "v1-bulk-delete-secrets": "test_function_secrets.py",
    "v1-bulk-update-functions": "test_functions.py",
    "v1-create-a-function": "test_functions.py",
    "v1-create-login-role": "test_database_api.py",
    "v1-create-project-api-key": "test_api_keys.py",
    "v1-delete-a-function": "test_functions.py",
    "v1-delete-login-roles": "test_database_api.py",
    "v1-delete-project-api-key": "test_api_keys.py",
    "v1-deploy-a-function": "test_functions.py",
    "v1-generate-typescript-types": "test_database_api.py",
    "v1-get-a-function": "test_functions.py",
    "v1-get-a-function-body": "test_functions.py",
    "v1-get-a-migration": "test_database_api.py",
    "v1-get-all-projects-for-organization": "test_members.py",
    "v1-get-an-organization": "test_members.py",
    "v1-get-database-metadata": "test_database_api.py",
    "v1-get-database-openapi": "test_database_api.py",
    "v1-get-performance-advisors": "test_database_api.py",
    "v1-get-project-api-key": "test_api_keys.py",
    "v1-get-project-legacy-api-keys": "test_api_keys.py",
    "v1-get-project-logs": "test_database_api.py",
    "v1-get-project-logs-all": "test_database_api.py",
    "v1-get-security-advisors": "test_database_api.py",
    "v1-list-all-buckets": "test_database_api.py",
    "v1-list-all-functions": "test_functions.py",
    "v1-list-all-secrets": "test_function_secrets.py",
    "v1-list-migration-history": "test_database_api.py",
    "v1-list-organization-members": "test_members.py",
    "v1-patch-a-migration": "test_database_api.py",
    "v1-read-only-query": "test_database_api.py",
    "v1-rollback-migrations": "test_database_api.py",
    "v1-run-a-query": "test_database_api.py",
    "v1-update-a-function": "test_functions.py",
    "v1-update-database-password": "test_database_api.py",
    "v1-update-project-api-key": "test_api_keys.py",
    "v1-update-project-legacy-api-keys": "test_api_keys.py",
    "v1-upsert-a-migration": "test_database_api.py",
    "v2-assign-organization-member-role": "test_members.py",
    "v2-create-organization-invitations": "test_members.py",
    "v2-delete-organization-invitations": "test_members.py",
    "v2-list-organization-members": "test_members.py",
    "v2-list-organization-roles": "test_members.py",
    "v2-remove-organization-members": "test_members.py",
}

# In this order, in the life of one project.
CALLS: dict[str, Call] = {
    "v1-get-profile": ("GET", "/v1/profile", None),
    "v1-list-all-organizations": ("GET", "/v1/organizations", None),
    "v1-create-an-organization": ("POST", "/v1/organizations", {"name": "Second"}),
    "v1-get-organization-entitlements": ("GET", "/v1/organizations/{slug}/entitlements", None),
    "v1-get-available-regions": ("GET", "/v1/projects/available-regions?organization_slug={slug}", None),
    "v1-create-a-project": ("POST", "/v1/projects", "body"),
    "v1-list-all-projects": ("GET", "/v1/projects", None),
    "v1-get-project": ("GET", "/v1/projects/{ref}", None),
    "v1-update-a-project": ("PATCH", "/v1/projects/{ref}", {"name": "Renamed"}),
    "v1-get-services-health": ("GET", "/v1/projects/{ref}/health?services=auth,db&services=rest", None),
    "v1-get-project-api-keys": ("GET", "/v1/projects/{ref}/api-keys?reveal=true", None),
    "v1-get-auth-service-config": ("GET", "/v1/projects/{ref}/config/auth", None),
    "v1-update-auth-service-config": (
        "PATCH",
        "/v1/projects/{ref}/config/auth",
        {"smtp_host": "mail.example.com", "smtp_admin_email": "a@example.com", "sessions_timebox": 24, "jwt_exp": 600},
    ),
    "v1-get-postgrest-service-config": ("GET", "/v1/projects/{ref}/postgrest", None),
    "v1-update-postgrest-service-config": ("PATCH", "/v1/projects/{ref}/postgrest", {"max_rows": 3}),
    "v1-get-storage-config": ("GET", "/v1/projects/{ref}/config/storage", None),
    "v1-update-storage-config": ("PATCH", "/v1/projects/{ref}/config/storage", {"fileSizeLimit": 3}),
    "v1-get-realtime-config": ("GET", "/v1/projects/{ref}/config/realtime", None),
    "v1-update-realtime-config": ("PATCH", "/v1/projects/{ref}/config/realtime", {"max_joins_per_second": 3}),
    "v1-update-postgres-config": (
        "PUT",
        "/v1/projects/{ref}/config/database/postgres",
        {"work_mem": "5MB", "max_connections": 90, "log_connections": True, "restart_database": True},
    ),
    "v1-patch-postgres-config": ("PATCH", "/v1/projects/{ref}/config/database/postgres", {"cron.log_statement": True}),
    "v1-get-postgres-config": ("GET", "/v1/projects/{ref}/config/database/postgres", None),
    "v1-get-pooler-config": ("GET", "/v1/projects/{ref}/config/database/pooler", None),
    "v2-get-project-config": ("GET", "/v2/projects/{ref}/config", None),
    "v1-get-network-restrictions": ("GET", "/v1/projects/{ref}/network-restrictions", None),
    "v1-update-network-restrictions": (
        "POST",
        "/v1/projects/{ref}/network-restrictions/apply",
        {"dbAllowedCidrs": [], "dbAllowedCidrsV6": []},
    ),
    "v1-patch-network-restrictions": (
        "PATCH",
        "/v1/projects/{ref}/network-restrictions",
        {"remove": {"dbAllowedCidrs": ["0.0.0.0/0"]}},
    ),
    "v1-get-ssl-enforcement-config": ("GET", "/v1/projects/{ref}/ssl-enforcement", None),
    "v1-update-ssl-enforcement-config": (
        "PUT",
        "/v1/projects/{ref}/ssl-enforcement",
        {"requestedConfig": {"database": False}},
    ),
    "v1-list-all-network-bans": ("POST", "/v1/projects/{ref}/network-bans/retrieve", None),
    "v1-list-all-network-bans-enriched": ("POST", "/v1/projects/{ref}/network-bans/retrieve/enriched", None),
    "v1-delete-network-bans": ("DELETE", "/v1/projects/{ref}/network-bans", {"ipv4_addresses": ["192.0.2.1"]}),
    "v1-get-readonly-mode-status": ("GET", "/v1/projects/{ref}/readonly", None),
    "v1-list-all-backups": ("GET", "/v1/projects/{ref}/database/backups", None),
    "v1-list-all-branches": ("GET", "/v1/projects/{ref}/branches", None),
    "v1-list-project-addons": ("GET", "/v1/projects/{ref}/billing/addons", None),
    "v1-get-postgres-upgrade-eligibility": ("GET", "/v1/projects/{ref}/upgrade/eligibility", None),
    "v1-get-postgres-upgrade-status": ("GET", "/v1/projects/{ref}/upgrade/status", None),
    "v1-list-available-restore-versions": ("GET", "/v1/projects/{ref}/restore", None),
    "v1-restart-a-project": ("POST", "/v1/projects/{ref}/restart", None),
    "v1-pause-a-project": ("POST", "/v1/projects/{ref}/pause", None),
    "v1-restore-a-project": ("POST", "/v1/projects/{ref}/restore", None),
    "v1-cancel-a-project-restoration": ("POST", "/v1/projects/{ref}/restore/cancel", None),
    "v1-delete-a-project": ("DELETE", "/v1/projects/{ref}", None),
}
#: The state a project must be in before the call.
BEFORE = {
    "v1-update-a-project": "ACTIVE_HEALTHY",
    "v1-pause-a-project": "ACTIVE_HEALTHY",
    "v1-restore-a-project": "INACTIVE",
    "v1-delete-a-project": "RESTORE_FAILED",
}


def built(app: FastAPI) -> dict[str, Any]:
    """The official routes that are built, by the id of their operation."""
    routes = [route for route in api_routes(app) if route.path.startswith(("/v1/", "/v2/"))]
    return {str(route.operation_id): route for route in routes if route.include_in_schema}


def test_every_built_route_is_an_official_operation(api: Api) -> None:
    routes = built(api.app)
    assert set(routes) <= set(OFFICIAL)
    for name, route in routes.items():
        (method,) = route.methods
        assert place(method, route.path) == OFFICIAL[name].place
        assert (route.status_code or 200) == OFFICIAL[name].success, name
    assert set(routes) == set(CALLS) | set(ELSEWHERE), "every operation is called below or held to its shape elsewhere"


def test_every_official_operation_is_there(api: Api) -> None:
    there = {place(method, route.path) for route in api_routes(api.app) for method in route.methods}
    assert {operation.place for operation in operations()} <= there


def test_what_is_not_built_says_so_to_those_who_may_use_it(api: Api) -> None:
    names = {"ref": api.create()["ref"], "slug": api.organization}
    routes = built(api.app)
    missing = [operation for operation in operations() if operation.id not in routes]
    assert missing
    for operation in missing:
        answer = api.client.request(operation.method, _path(operation, names))
        assert answer.status_code == 501, operation.id
        if operation.method != "HEAD":
            assert answer.json().keys() == {"message"}
        assert (
            api.client.request(operation.method, _path(operation, names), headers={"Authorization": ""}).status_code
            == 401
        )


def test_every_built_operation_answers_as_its_document_says(
    live_api: Api, hang_when_resumed: Callable[[], None]
) -> None:
    names = {"slug": live_api.organization}
    for name, (method, path, body) in CALLS.items():
        if name in BEFORE:
            wait_for(live_api, names["ref"], BEFORE[name])
        if name == "v1-restore-a-project":
            hang_when_resumed()
        payload = live_api.body() if body == "body" else body
        answer = live_api.client.request(method, path.format_map(names), json=payload)
        assert answer.status_code == OFFICIAL[name].success, (name, answer.text)
        problems = complaints(name, answer)
        assert problems == [], name
        if name == "v1-create-a-project":
            names["ref"] = answer.json()["ref"]


def complaints(name: str, answer: Any) -> list[str]:
    """What is wrong with an answer by the official document."""
    schema = _DOCUMENT["answers"].get(name)
    if schema is None:
        is_empty = answer.content == b"" and "content-type" not in answer.headers
        is_empty &= answer.status_code == 204 or answer.headers.get("content-length") == "0"
        return [] if is_empty else ["the body must be empty, of length 0 and of no type"]
    validator = jsonschema.Draft202012Validator({**schema, "$defs": _DOCUMENT["$defs"]})
    allowed = LEFT_OUT.get(name, {})
    found = []
    for error in validator.iter_errors(answer.json()):
        where = ".".join(str(step) for step in error.absolute_path)
        missing = str(error.message).split("'")[1] if error.validator == "required" else ""
        place_of_error = ".".join(part for part in (where, missing) if part)
        if place_of_error not in allowed:
            found.append(f"{place_of_error}: {error.message}"[:300])
    return found


def test_the_judge_notices(api: Api) -> None:
    class Answer:
        content, status_code = b"{}", 200
        headers: dict[str, str] = {"content-type": "application/json"}  # noqa: RUF012 - a stand-in

        def json(self) -> Any:
            return {"db_schema": 1}

    assert complaints("v1-get-postgrest-service-config", Answer())
    assert complaints("v1-pause-a-project", Answer())


def _path(operation: Operation, names: dict[str, str]) -> str:
    class Filled(dict[str, str]):
        def __missing__(self, _: str) -> str:
            return "x" * 20

    return operation.path.format_map(Filled(names))


@pytest.fixture
def hang_when_resumed(launcher: FakeLauncher) -> Callable[[], None]:
    """Lets the next resume wait, so that it can be canceled."""

    def let() -> None:
        launcher.scripts["project_resume"] = hangs()

    return let
