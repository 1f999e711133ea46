"""The official Management API: every operation that is built answers as its document says."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from supafleet.official.catalogue import Operation, operations, place
from supafleet.runner.fake import FakeLauncher, hangs
from tests.integration.api.conftest import Api
from tests.integration.api.test_authorization import api_routes
from tests.integration.api.test_lifecycle import wait_for
from tests.official_document import CALLED_ELSEWHERE, OFFICIAL, judge, judged

Call = tuple[str, str, Any]

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
    "v1-update-a-project": ("ACTIVE_HEALTHY",),
    "v1-pause-a-project": ("ACTIVE_HEALTHY",),
    "v1-restore-a-project": ("INACTIVE",),
    # The canceled resume had begun, or it had not.
    "v1-delete-a-project": ("RESTORE_FAILED", "INACTIVE"),
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
    called = set(CALLS).union(*CALLED_ELSEWHERE.values())
    assert set(routes) == called, "every operation is called, and so judged"


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
            wait_for(live_api, names["ref"], *BEFORE[name])
        if name == "v1-restore-a-project":
            hang_when_resumed()
        payload = live_api.body() if body == "body" else body
        answer = live_api.client.request(method, path.format_map(names), json=payload)
        assert name in judged, (name, answer.text)
        if name == "v1-create-a-project":
            names["ref"] = answer.json()["ref"]


@pytest.mark.parametrize("name", ["v1-get-postgrest-service-config", "v1-pause-a-project"])
def test_the_judge_notices(name: str) -> None:
    operation = OFFICIAL[name]
    request = httpx.Request(operation.method, "http://test" + operation.path.format(ref="a" * 20))
    with pytest.raises(AssertionError, match=name):
        judge(httpx.Response(operation.success, json={"db_schema": 1}, request=request))


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
