"""Every request that Studio v1.24.04 makes, as the document of its platform API lists them, has a route."""

import re
from typing import Any

import pytest
from fastapi.routing import APIRoute

from supafleet.organizations.models import Role
from supafleet.runner.fake import FakeLauncher, Script, observed
from tests.integration.api.conftest import Api
from tests.integration.api.people import add_person

#: Typed from the document, never from the routes: several methods or words in one line are rows of their own there.
REQUESTS = """
GET /
GET /status
POST /auth/token
POST /platform/signup
GET /profile
GET /profile/permissions
POST /profile/password-check
GET /organizations
GET /organizations/{slug}/members/reached-free-project-limit
POST /platform/organizations
GET /platform/organizations/{slug}/billing/subscription
GET /platform/organizations/{slug}/usage
GET,POST /platform/projects
GET /platform/projects/{ref}
GET /platform/project/{ref}
GET /platform/projects/{ref}/settings
GET /platform/project/{ref}/settings
GET /platform/projects/{ref}/billing/addons
GET /platform/project/{ref}/billing/addons
GET /platform/projects/{ref}/analytics/endpoints/usage.api-counts
GET /platform/projects/{ref}/analytics/endpoints/usage.api-requests-count
GET /projects/{ref}/status
GET /project/{ref}/status
GET /projects/{ref}/jwt-secret-update-status
GET /project/{ref}/jwt-secret-update-status
GET /props/project/{ref}/jwt-secret-update-status
GET /projects/{ref}/api
GET /project/{ref}/api
GET /projects/{ref}/upgrade/status
GET /projects/{ref}/health
GET /project/{ref}/health
GET /projects/{ref}/supervisor
GET /project/{ref}/supervisor
GET /projects/{ref}/analytics/endpoints/usage.anything
GET /v1/projects/{ref}/custom-hostname
GET /v1/projects/{ref}/upgrade/eligibility
POST /platform/pg-meta/{ref}/query
GET,POST,PATCH,DELETE /platform/pg-meta/{ref}/tables
POST /platform/pg-meta/{ref}/columns
GET /platform/pg-meta/{ref}/types
GET /platform/pg-meta/{ref}/publications
GET /platform/notifications
GET /platform/notifications/summary
GET /platform/stripe/invoices/overdue
GET /platform/projects-resource-warnings
GET /platform/integrations/{integration}/connections
GET /platform/integrations/{integration}/authorization
GET /platform/integrations/{integration}/repositories
GET /integrations/{id}
GET /configcat/configuration-files/{key}/config_v5.json
"""
_LINES = [line.split(" ") for line in REQUESTS.split("\n") if line]
ROWS = [(method, path) for methods, path in _LINES for method in methods.split(",")]


def test_every_row_of_the_document_has_a_route(api: Api) -> None:
    assert len(ROWS) == 54
    routes = [route for route in api.app.routes if isinstance(route, APIRoute)]
    missing = [
        f"{method} {path}"
        for method, path in ROWS
        if not any(method in route.methods and route.path_regex.match(_named(path)) for route in routes)
    ]
    assert missing == []


def _named(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "a", path)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/", {"status": "OK"}),
        ("/platform/projects/{ref}/analytics/endpoints/usage.api-counts", {"data": [], "total": 0}),
        ("/platform/projects/{ref}/analytics/endpoints/usage.api-requests-count", {"data": [], "total": 0}),
        ("/projects/{ref}/analytics/endpoints/usage.anything", {"data": [], "total": 0}),
        ("/projects/{ref}/upgrade/status", {"databaseUpgradeStatus": None}),
        ("/projects/{ref}/supervisor", {"supervisor": {"status": None, "version": None}}),
        ("/project/{ref}/supervisor", {"supervisor": {"status": None, "version": None}}),
        ("/platform/notifications/summary", {"total": 0, "unread": 0, "new": 0}),
        ("/platform/integrations/github/authorization", {"authorized": False}),
        ("/platform/integrations/github/repositories", {"repositories": [], "total": 0}),
        ("/integrations/17", []),
    ],
)
def test_what_does_not_exist_is_told_as_empty(api: Api, path: str, answer: Any) -> None:
    ref = api.create()["ref"] if "{ref}" in path else ""
    told = api.client.get(path.format(ref=ref))
    assert (told.status_code, told.json()) == (200, answer)


def test_no_usage_is_measured(api: Api) -> None:
    slug = api.organization
    usage = api.client.get(f"/platform/organizations/{slug}/usage").json()
    nothing = {"storage": None, "bandwidth": None, "egress": None}
    assert (usage["usage"], usage["limits"]) == (nothing, nothing)
    subscription = api.client.get(f"/platform/organizations/{slug}/billing/subscription").json()
    begin, end = subscription["current_period_start"], subscription["current_period_end"]
    assert (usage["billing_cycle_start"], usage["billing_cycle_end"]) == (begin, end)


def test_a_project_has_the_addons_of_v1(api: Api) -> None:
    ref = api.create(desired_instance_size="small")["ref"]
    official = api.client.get(f"/v1/projects/{ref}/billing/addons").json()
    assert official["selected_addons"]
    for path in ("projects", "project"):
        assert api.client.get(f"/platform/{path}/{ref}/billing/addons").json() == official


def test_the_health_is_that_of_v1(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    launcher.scripts["project_observe"] = Script(events=(observed("healthy", rest="starting"),))
    reader = add_person(live_api, f"another-{Role.READ_ONLY}", Role.READ_ONLY).headers
    for path in ("projects", "project"):
        health = live_api.client.get(f"/{path}/{ref}/health", headers=reader).json()
        assert {one["name"]: one["status"] for one in health} == {
            "auth": "ACTIVE_HEALTHY",
            "db": "ACTIVE_HEALTHY",
            "db_postgres_user": "ACTIVE_HEALTHY",
            "realtime": "ACTIVE_HEALTHY",
            "rest": "COMING_UP",
            "storage": "ACTIVE_HEALTHY",
        }
