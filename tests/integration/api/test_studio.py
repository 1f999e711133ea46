"""What Studio asks for: shapes key by key, and the real data behind them."""

import json
from typing import Any

import jwt
import pytest
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from supafleet.organizations.models import Role
from supafleet.studio import router
from tests.integration.api.conftest import PASSWORD, Api
from tests.integration.api.people import add_person, add_stranger

PROJECT = {
    "id", "ref", "name", "status", "organization_id", "inserted_at", "subscription_id", "cloud_provider", "region",
    "disk_volume_size_gb", "size", "db_user_supabase", "db_pass_supabase", "db_dns_name", "db_host", "db_port",
    "db_name", "ssl_enforced", "walg_enabled", "infra_compute_size", "preview_branch_refs", "is_branch_enabled",
    "is_physical_backups_enabled", "restUrl", "connectionString",
}  # fmt: skip
CREATED = {
    "id", "ref", "name", "status", "organization_id", "cloud_provider", "region", "inserted_at", "endpoint",
    "anon_key", "service_key", "is_branch_enabled", "preview_branch_refs", "is_physical_backups_enabled",
    "is_read_replicas_enabled", "disk_volume_size_gb", "subscription_id",
}  # fmt: skip
SERVICE = {
    "id", "name", "app_config", "app", "service_api_keys", "protocol", "endpoint", "restUrl", "project",
    "defaultApiKey", "serviceApiKey",
}  # fmt: skip
ORGANIZATION = {
    "id", "slug", "name", "billing_email", "is_owner", "opt_in_tags", "stripe_customer_id", "subscription_id",
    "restriction_data", "restriction_status",
}  # fmt: skip
SUBSCRIPTION = {
    "nano_enabled", "billing_via_partner", "current_period_start", "current_period_end", "next_invoice_at",
    "customer_balance", "plan", "usage_billing_enabled", "addons", "project_addons", "payment_method_type",
}  # fmt: skip


def get(api: Api, path: str, token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else None
    answer = api.client.get(path, headers=headers)
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


def body(api: Api, **fields: Any) -> dict[str, Any]:
    """What the form of Studio sends."""
    return {
        "cloud_provider": "AWS",
        "org_id": get(api, "/organizations")[0]["id"],
        "name": "Acme",
        "db_pass": PASSWORD,
        "db_region": "Central EU (Frankfurt)",
        "desired_instance_size": "small",
        "custom_supabase_internal_requests": {"ami": {"search_tags": {"tag:postgresVersion": "17"}}},
        **fields,
    }


def test_the_profile_is_that_of_v1(api: Api) -> None:
    profile = get(api, "/profile")
    official = get(api, "/v1/profile")
    assert profile.keys() == {
        "id", "auth0_id", "primary_email", "username", "first_name", "last_name", "mobile", "is_alpha_user",
        "gotrue_id", "free_project_limit", "disabled_features",
    }  # fmt: skip
    assert {name: profile[name] for name in official} == official
    assert isinstance(profile["id"], int)


def allows(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    """The rule of Studio: some statement opens it and no restrictive one closes it."""

    def matches(patterns: list[str], word: str) -> bool:
        return any(word == one or (one.endswith("%") and word.startswith(one[:-1])) for one in patterns)

    about = [one for one in statements if matches(one["actions"], action) and matches(one["resources"], resource)]
    return any(not one["restrictive"] for one in about) and not any(one["restrictive"] for one in about)


@pytest.mark.parametrize(
    ("role", "keys", "query", "change", "rename"),
    [
        (Role.OWNER, True, True, True, True),
        (Role.ADMINISTRATOR, True, True, True, False),
        (Role.DEVELOPER, True, True, False, False),
        (Role.READ_ONLY, False, False, False, False),
    ],
)
def test_studio_shows_what_a_role_may_do(
    api: Api, role: Role, keys: bool, query: bool, change: bool, rename: bool
) -> None:
    statements = get(api, "/profile/permissions", add_person(api, f"another-{role}", role).token)
    assert all(
        one.keys() == {"organization_id", "resources", "actions", "condition", "restrictive", "project_ids"}
        for one in statements
    )
    assert {one["organization_id"] for one in statements} == {get(api, "/organizations")[0]["id"]}
    assert allows(statements, "read:Read", "projects")
    assert allows(statements, "tenant:Sql:Read:Select", "tables")
    assert allows(statements, "read:Read", "service_api_keys") == keys
    assert allows(statements, "read:Read", "field.jwt_secret") == keys
    assert allows(statements, "tenant:Sql:Query", "") == query
    assert allows(statements, "write:Update", "projects") == change
    assert allows(statements, "write:Update", "organizations") == rename


def test_a_password_is_scored_honestly(api: Api) -> None:
    def score(password: str) -> int:
        answer = api.client.post("/profile/password-check", json={"password": password})
        assert answer.status_code == 200, answer.text
        result = answer.json()["result"]
        assert result.keys() == {"score", "feedback"}
        assert result["feedback"].keys() == {"warning", "suggestions"}
        return int(result["score"])

    assert score("") == score("password") == score("qwerty123") == 0
    assert score("x" * 5000) < 4
    assert score("vexT9qwLm2ZrKpd81") == 4
    refused = api.client.post("/profile/password-check", json={"password": 7})
    assert (refused.status_code, refused.json()) == (422, {"message": "password: must be a string"})


def test_an_organization_made_here_is_one_of_v1(api: Api) -> None:
    sent = {"name": "Two", "kind": "PERSONAL", "size": "1", "tier": "tier_free"}
    answer = api.client.post("/platform/organizations", json=sent)
    assert answer.status_code == 201
    made = answer.json()
    assert made.keys() == ORGANIZATION
    assert (made["name"], made["is_owner"]) == ("Two", True)
    assert {"id": made["slug"], "slug": made["slug"], "name": "Two"} in get(api, "/v1/organizations")
    assert get(api, "/organizations")[1] == made
    refused = api.client.post("/platform/organizations", json={"name": "two\nlines"})
    assert (refused.status_code, refused.json()["message"].partition(":")[0]) == (422, "name")


def test_organizations_are_those_of_the_account(api: Api) -> None:
    stranger, reader = add_stranger(api).token, add_person(api, f"another-{Role.READ_ONLY}", Role.READ_ONLY).token
    assert [one["name"] for one in get(api, "/organizations", stranger)] == ["Another"]
    assert [one["is_owner"] for one in get(api, "/organizations", reader)] == [False]


def test_there_is_nothing_to_pay_and_no_limit(api: Api) -> None:
    slug = api.organization
    subscription = get(api, f"/platform/organizations/{slug}/billing/subscription")
    assert subscription.keys() == SUBSCRIPTION
    assert subscription["plan"] == {"id": "enterprise", "name": "Self-hosted"}
    assert 28 <= (subscription["current_period_end"] - subscription["current_period_start"]) / 86400 <= 31
    assert (subscription["customer_balance"], subscription["next_invoice_at"]) == (0, 0)
    for path in (
        f"/organizations/{slug}/members/reached-free-project-limit",
        "/platform/notifications",
        "/platform/stripe/invoices/overdue",
        "/platform/projects-resource-warnings",
    ):
        assert get(api, path) == []
    assert get(api, "/platform/integrations/github/connections") == {"connections": []}


def test_open_routes(api: Api) -> None:
    assert api.client.get("/status", headers={"Authorization": ""}).json() == {"is_healthy": True}
    flags = api.client.get("/configcat/configuration-files/any/config_v5.json", headers={"Authorization": ""}).json()
    assert flags == {"p": {"u": f"{api.settings.resolved_public_url}/configcat", "r": 0}, "f": {}}


def test_a_database_that_does_not_answer_is_not_healthy(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Engine) -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr(router, "ping", fail)
    assert get(api, "/status") == {"is_healthy": False}


def test_a_project_made_in_studio_is_a_project_of_v1(api: Api) -> None:
    answer = api.client.post("/platform/projects", json=body(api, auth_site_url="https://app.example.com"))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made.keys() == CREATED
    official = get(api, f"/v1/projects/{made['ref']}")
    assert (official["name"], official["region"], official["status"]) == ("Acme", "eu-central-1", "COMING_UP")
    assert official["organization_slug"] == api.organization
    fleet = get(api, f"/fleet/projects/{made['ref']}")
    assert (fleet["size"], fleet["public_url"]) == ("small", made["endpoint"])
    assert fleet["settings"] == {"site_url": "https://app.example.com"}
    assert [run["kind"] for run in get(api, "/fleet/runs")] == ["project_create"]
    values = api.secrets_of(made["ref"])
    assert values["postgres_password"] == PASSWORD
    assert (made["anon_key"], made["service_key"]) == (values["anon_key"], values["service_role_key"])
    assert jwt.decode(made["service_key"], values["jwt_secret"], ["HS256"])["role"] == "service_role"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"db_pass": "short"}, ["db_pass", "12 to 72"]),
        ({"db_pass": None}, ["db_pass", "must be a string"]),
        ({"name": ""}, ["name", "1 to 256"]),
        ({"org_id": "seven"}, ["org_id", "whole number"]),
        ({"db_region": "mars-1"}, ["db_region: ", "mars-1"]),
        ({"desired_instance_size": "huge"}, ["desired_instance_size", "micro"]),
        ({"auth_site_url": "nowhere"}, ["auth_site_url: "]),
        ({"db_sql": "select 1"}, ["db_sql", "must be empty"]),
        (
            {"custom_supabase_internal_requests": {"ami": {"search_tags": {"tag:postgresVersion": "15.1"}}}},
            ["tag:postgresVersion", "'15.1'", "only 17."],
        ),
    ],
)
def test_bad_input_is_one_sentence_with_the_field_of_studio(api: Api, fields: dict[str, Any], words: list[str]) -> None:
    answer = api.client.post("/platform/projects", json=body(api, **fields))
    assert answer.status_code == 422, answer.text
    assert answer.json().keys() == {"message"}
    message = answer.json()["message"]
    assert all(word in message for word in words), message
    assert PASSWORD not in message
    assert get(api, "/v1/projects") == []


def test_a_name_is_free_or_refused_as_in_v1(api: Api) -> None:
    api.create(name="Acme")
    answer = api.client.post("/platform/projects", json=body(api, db_region="eu-central-1"))
    assert answer.status_code == 409
    assert answer.json() == {"message": "name: the organization already has a project named 'Acme'."}


def test_nobody_creates_in_an_organization_of_others(api: Api) -> None:
    own = body(api)
    for role, status in ((None, 403), (Role.READ_ONLY, 403), (Role.DEVELOPER, 403), (Role.ADMINISTRATOR, 201)):
        headers = add_person(api, f"another-{role}", role).headers
        answer = api.client.post("/platform/projects", json={**own, "name": f"By {role}"}, headers=headers)
        assert answer.status_code == status, (role, answer.text)
    # Whether an organization has a number is nobody's business.
    absent = api.client.post("/platform/projects", json={**own, "org_id": 4711})
    assert absent.status_code == 403


def test_a_project_is_told_alike_in_all_places(api: Api) -> None:
    ref = api.create(name="Acme", region="eu-central-1")["ref"]
    project = get(api, f"/platform/projects/{ref}")
    official, fleet = get(api, f"/v1/projects/{ref}"), get(api, f"/fleet/projects/{ref}")
    assert project.keys() == PROJECT
    assert get(api, f"/platform/project/{ref}") == project
    assert get(api, "/platform/projects") == [project]
    assert project["db_host"] == project["db_dns_name"] == official["database"]["host"]
    assert project["status"] == official["status"] == "COMING_UP"
    assert project["inserted_at"] == official["created_at"]
    assert project["organization_id"] == get(api, "/organizations")[0]["id"]
    assert project["restUrl"] == f"{fleet['public_url']}/rest/v1/"
    assert project["infra_compute_size"] == project["size"] == fleet["size"]
    assert (project["db_pass_supabase"], project["connectionString"]) == (None, None)
    for path in ("projects", "project"):
        assert get(api, f"/{path}/{ref}/status") == {"status": "COMING_UP"}
    for path in ("projects", "project", "props/project"):
        assert get(api, f"/{path}/{ref}/jwt-secret-update-status") == {"jwtSecretUpdateStatus": None}


def test_the_status_is_the_one_that_was_seen(live_api: Api, ref: str) -> None:
    assert get(live_api, f"/projects/{ref}/status") == {"status": "ACTIVE_HEALTHY"}
    assert get(live_api, f"/platform/projects/{ref}")["status"] == "ACTIVE_HEALTHY"


def test_keys_are_real_and_secret_ones_are_for_who_may_read_them(api: Api) -> None:
    ref = api.create(settings={"db_schemas": "api,public"})["ref"]
    values = api.secrets_of(ref)
    answers = {}
    for role in Role:
        token = add_person(api, f"another-{role}", role).token
        settings = get(api, f"/platform/projects/{ref}/settings", token)
        assert get(api, f"/platform/project/{ref}/settings", token) == settings
        assert settings.keys() == {"project", "services"}
        assert settings["project"].keys() == PROJECT | {"jwt_secret"}
        paths = (f"/{path}/{ref}/api" for path in ("projects", "project", "props/project"))
        assert all(get(api, path, token) == {"autoApiService": settings["services"][0]} for path in paths)
        answers[role] = settings
    for role, settings in answers.items():
        sees = role != Role.READ_ONLY
        service = settings["services"][0]
        assert service.keys() == SERVICE
        assert settings["project"]["jwt_secret"] == (values["jwt_secret"] if sees else None)
        assert service["serviceApiKey"] == (values["service_role_key"] if sees else None)
        assert service["defaultApiKey"] == values["anon_key"]
        assert {one["tags"]: one["api_key"] for one in service["service_api_keys"]} == {
            "anon": values["anon_key"],
            "service_role": service["serviceApiKey"],
        }
        assert f"{service['protocol']}://{service['endpoint']}/rest/v1/" == service["restUrl"]
        assert service["app_config"] == {"endpoint": service["endpoint"], "db_schema": "api"}
        assert (service["app"], service["project"]) == ({"id": 1, "name": "Auto API"}, {"ref": ref})
    assert values["service_role_key"] not in json.dumps(answers[Role.READ_ONLY])
    assert values["postgres_password"] not in json.dumps([*answers.values()])


def test_what_does_not_exist_is_404_and_what_is_of_others_is_403(api: Api) -> None:
    ref, stranger = api.create()["ref"], add_stranger(api).headers
    for template in (
        "/platform/projects/{}", "/platform/project/{}/settings", "/projects/{}/api", "/props/project/{}/api",
        "/project/{}/status", "/projects/{}/jwt-secret-update-status", "/platform/pg-meta/{}/tables",
    ):  # fmt: skip
        absent = api.client.get(template.format("z" * 20))
        assert absent.status_code == 404, template
        assert absent.json() == {"message": f"Project '{'z' * 20}' does not exist."}
        assert api.client.get(template.format(ref), headers=stranger).status_code == 403, template
    assert get(api, "/platform/projects", stranger["Authorization"].removeprefix("Bearer ")) == []
