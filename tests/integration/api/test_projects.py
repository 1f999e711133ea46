"""`/v1/projects`: shapes, refusals and what stays behind."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from supafleet.db import reading, unit_of_work, utc_now
from supafleet.inventory.entries import ProjectEntry
from supafleet.organizations.models import Role
from supafleet.projects import service as projects
from supafleet.projects.fold import ProjectState
from supafleet.projects.states import Status
from tests.integration.api.conftest import PASSWORD, Api
from tests.integration.api.people import add_person

REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    ({"db_pass": "short"}, ["db_pass", "12 to 72"]),
    ({"db_pass": "it's; not $afe here"}, ["db_pass", "letters"]),
    ({"db_pass": None}, ["db_pass"]),
    ({"name": ""}, ["name", "1 to 256"]),
    ({"name": "two\nlines"}, ["name", "one line"]),
    ({"name": "bell\a"}, ["name"]),
    ({"name": "x" * 257}, ["name", "256"]),
    ({"release": "1999.01"}, ["release", "1999.01", "2026.09"]),
    ({"flavour": "vanilla"}, ["flavour", "supabase", "sandbox"]),
    ({"desired_instance_size": "48xlarge"}, ["desired_instance_size", "micro", "large"]),
    ({"host": "nowhere"}, ["host", "local"]),
    ({"region": "mars-1"}, ["region", "mars-1", "eu-central-1"]),
    ({"region_selection": {"type": "specific", "code": "mars-1"}}, ["region", "mars-1"]),
    ({"region_selection": {"type": "smartGroup", "code": "moon"}}, ["region_selection", "emea"]),
    ({"region": "local", "region_selection": {"type": "smartGroup", "code": "emea"}}, ["only one"]),
    ({"postgres_engine": "15"}, ["postgres_engine", "17"]),
    ({"high_availability": True}, ["high_availability"]),
    ({"gateway_port": 80}, ["gateway_port", "24321", "24820"]),
    ({"settings": {"site_url": "nowhere"}}, ["settings.site_url", "http"]),
    ({"settings": {"colour": "blue"}}, ["settings.colour"]),
    ({"settings": {"environment": {"auth": {"A": "two\nlines"}}}}, ["settings.environment.auth"]),
]


def count(api: Api, table: str) -> int:
    with api.engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def end_runs(api: Api) -> None:
    with api.engine.begin() as connection:
        connection.execute(text("UPDATE run SET ended_at = created_at, status = 'succeeded'"))


def become(api: Api, ref: str, status: Status, reason: str | None = None) -> None:
    end_runs(api)
    with unit_of_work(api.engine) as session:
        projects.apply_state(session, ref, ProjectState(status, reason), utc_now())


def test_a_created_project_has_exactly_the_official_shape(api: Api) -> None:
    created = api.create(name="Acme", region="eu-central-1", desired_instance_size="small")
    assert created.keys() == {
        "id", "ref", "organization_id", "organization_slug", "name", "region", "created_at", "status",
    }  # fmt: skip
    assert created["id"] == created["ref"]
    assert len(created["ref"]) == 20
    assert created["ref"].isalpha()
    assert created["ref"].islower()
    assert created["organization_id"] == created["organization_slug"] == api.organization
    assert (created["name"], created["region"], created["status"]) == ("Acme", "eu-central-1", "COMING_UP")
    assert datetime.fromisoformat(created["created_at"]).tzinfo is not None
    assert created["created_at"].endswith("Z")


def test_a_project_is_read_alone_and_in_the_list(api: Api) -> None:
    ref = api.create()["ref"]
    project = api.client.get(f"/v1/projects/{ref}").json()
    assert api.client.get("/v1/projects").json() == [project]
    assert project["database"].keys() == {"host", "version", "postgres_engine", "release_channel"}
    assert project["database"]["host"] == f"db.{ref}.localhost"
    assert project["database"]["version"].startswith("17.")
    assert project["database"]["postgres_engine"] == "17"


def test_creating_requests_exactly_one_run_in_the_same_transaction(api: Api) -> None:
    ref = api.create()["ref"]
    assert [(job.project_ref, job.host) for job in api.jobs.jobs] == [(ref, "local")]
    runs = api.client.get("/fleet/runs", params={"project": ref}).json()
    assert [(run["kind"], run["actor"], run["status"]) for run in runs] == [("project_create", "owner", "queued")]
    assert api.client.get(f"/fleet/projects/{ref}").json()["run"]["id"] == api.jobs.jobs[0].run_id


def test_a_payload_that_is_not_allowed_is_one_sentence_and_leaves_nothing(api: Api) -> None:
    wrong = []
    for fields, words in REFUSED:
        status, message = api.refusal(**fields)
        if status != 422 or "\n" in message or "$afe" in message or not all(word in message for word in words):
            wrong.append((fields, status, message))
    assert wrong == []
    assert (count(api, "project"), count(api, "port_lease"), count(api, "run")) == (0, 0, 0)


def test_missing_fields_are_all_named(api: Api) -> None:
    answer = api.client.post("/v1/projects", json={})
    assert answer.status_code == 422
    assert answer.json() == {"message": "name: is required; organization_slug: is required; db_pass: is required"}
    broken = api.client.post("/v1/projects", content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()) == (422, {"message": "body: is not valid JSON"})


@pytest.mark.parametrize("name", ['it\'s "quoted" {{ 7*6 }} $HOME', "émigré 東京", "<b>&amp;", "東" * 256])
def test_a_name_is_kept_literally(api: Api, name: str) -> None:
    ref = api.create(name=name)["ref"]
    assert api.client.get(f"/v1/projects/{ref}").json()["name"] == name
    with reading(api.engine) as session:
        assert projects.run_inputs(session, ref, api.settings)["project"]["name"] == name
    made = api.client.post("/v1/organizations", json={"name": name})
    assert (made.status_code, made.json()["name"]) == (201, name)
    found = api.client.get(f"/v1/organizations/{api.organization}/projects", params={"search": name}).json()
    assert [one["name"] for one in found["projects"]] == [name]
    # A direct run takes what the service takes.
    place = {"host": "local", "gateway_port": 24321, "subnet": "10.213.7.0/24"}
    assert ProjectEntry.model_validate({**place, "name": name, "organization_name": name}).name == name


def test_a_template_is_said_to_be_left_to_the_client(api: Api) -> None:
    # The official command line sends its address for the record: it unpacks the template by itself.
    api.create(template_url="https://github.com/example/starter/tree/main/app")
    operation = api.client.get("/openapi.json").json()["paths"]["/v1/projects"]["post"]
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    fields = api.app.openapi()["components"]["schemas"][name]["properties"]
    assert fields["template_url"]["description"].startswith("Not used")


def test_a_duplicate_name_is_a_conflict_within_the_organization_only(api: Api) -> None:
    api.create(name="Twin")
    status, message = api.refusal(name="Twin")
    assert status == 409
    assert "Twin" in message
    other = api.client.post("/v1/organizations", json={"name": "Other"}).json()["slug"]
    api.create(name="Twin", organization_slug=other)


def test_an_unknown_organization_is_404_and_a_foreign_one_403(api: Api) -> None:
    assert api.refusal(organization_slug="nobodys") == (404, "Organization 'nobodys' does not exist.")
    mine = api.create()["ref"]
    with api.engine.begin() as connection:
        connection.execute(text("DELETE FROM membership"))
    for answer in (api.client.get(f"/v1/projects/{mine}"), api.client.delete(f"/v1/projects/{mine}")):
        assert answer.status_code == 403
    assert api.client.get("/v1/projects").json() == []


def test_regions_choose_a_docker_host_that_serves_them(api: Api) -> None:
    host = {
        "connection": "ssh", "address": "10.0.0.9", "regions": ["mars-1", "eu-west-1"],
        "bind_address": "10.0.0.9", "public_address": "mars.example.com",
    }  # fmt: skip
    assert api.client.put("/fleet/hosts/mars", json=host).status_code == 201
    ref = api.create(region_selection={"type": "specific", "code": "mars-1"})["ref"]
    project = api.client.get(f"/fleet/projects/{ref}").json()
    assert (project["host"], project["region"]) == ("mars", "mars-1")
    assert project["public_url"] == f"http://mars.example.com:{project['gateway_port']}"
    # The host with fewer projects is taken, so the second goes to the other one of the region.
    second = api.create(name="Second", region="eu-west-1")["ref"]
    assert api.client.get(f"/fleet/projects/{second}").json()["host"] == "local"
    assert api.refusal(name="Third", host="local", region="mars-1")[0] == 422


@pytest.mark.parametrize("missing", ["bind_address", "public_address"])
def test_a_remote_host_without_its_addresses_is_refused_by_name(api: Api, missing: str) -> None:
    host = {"connection": "ssh", "address": "10.0.0.9", "bind_address": "10.0.0.9", "public_address": "10.0.0.9"}
    assert api.client.put("/fleet/hosts/remote", json={**host, missing: None}).status_code == 201
    status, message = api.refusal(host="remote")
    assert status == 422
    assert missing in message
    assert "/fleet/hosts/remote" in message


def test_leases_are_lowest_free_and_never_shared(api: Api) -> None:
    refs = [api.create(name=f"Project {number}")["ref"] for number in range(3)]
    fleet = {project["ref"]: project for project in api.client.get("/fleet/projects").json()}
    assert [fleet[ref]["gateway_port"] for ref in refs] == [24321, 24322, 24323]
    assert [fleet[ref]["subnet"] for ref in refs] == ["10.213.0.0/24", "10.213.1.0/24", "10.213.2.0/24"]
    status, message = api.refusal(name="Fourth", gateway_port=24322)
    assert (status, "24322" in message) == (409, True)
    assert api.create(name="Fourth", gateway_port=24400)["ref"]


def test_a_host_without_room_says_what_is_short(api: Api) -> None:
    host = {"connection": "local", "port_first": 24321, "port_last": 24321, "capacity_projects": 5}
    assert api.client.put("/fleet/hosts/local", json=host).status_code == 200
    api.create(name="Only")
    status, message = api.refusal(name="Second")
    assert (status, "24321" in message) == (409, True)
    assert api.client.put("/fleet/hosts/local", json={**host, "capacity_projects": 1}).status_code == 200
    assert "capacity_projects" in api.refusal(name="Second")[1]


def test_delete_answers_like_the_official_api_and_again_while_it_goes(api: Api) -> None:
    ref = api.create(name="Gone")["ref"]
    become(api, ref, Status.ACTIVE_HEALTHY)
    first = api.client.delete(f"/v1/projects/{ref}")
    assert first.status_code == 200
    assert first.json().keys() == {"id", "ref", "name"}
    assert isinstance(first.json()["id"], int)
    assert (first.json()["ref"], first.json()["name"]) == (ref, "Gone")
    assert api.client.get(f"/v1/projects/{ref}").json()["status"] == "GOING_DOWN"
    assert api.client.delete(f"/v1/projects/{ref}").json() == first.json()
    assert len(api.jobs.jobs) == 2


def test_a_busy_project_names_who_holds_it_doing_what_since_when(api: Api) -> None:
    ref = api.create()["ref"]
    answer = api.client.delete(f"/v1/projects/{ref}")
    assert answer.status_code == 409
    message = answer.json()["message"]
    assert all(word in message for word in (ref, "owner", "creating", "Z")), message
    assert api.client.get(f"/v1/projects/{ref}").json()["status"] == "COMING_UP"


def test_a_failed_create_can_be_deleted_and_its_removal_can_be_asked_for_again(api: Api) -> None:
    ref = api.create()["ref"]
    become(api, ref, Status.INIT_FAILED, "service realtime ended with exit code 1")
    shown = api.client.get(f"/fleet/projects/{ref}").json()
    assert (shown["status"], shown["status_reason"]) == ("INIT_FAILED", "service realtime ended with exit code 1")
    assert api.client.delete(f"/v1/projects/{ref}").status_code == 200
    become(api, ref, Status.ACTIVE_UNHEALTHY, "The removal failed")
    assert api.client.delete(f"/v1/projects/{ref}").status_code == 200
    assert api.client.get(f"/v1/projects/{ref}").json()["status"] == "GOING_DOWN"


def test_a_removed_project_is_404_and_leaves_no_lease_no_secret_and_its_name(api: Api) -> None:
    ref = api.create(name="Again")["ref"]
    become(api, ref, Status.ACTIVE_HEALTHY)
    api.client.delete(f"/v1/projects/{ref}")
    assert count(api, "project_secret") > 20
    become(api, ref, Status.REMOVED)
    for path in ("", "/health?services=db", "/api-keys"):
        answer = api.client.get(f"/v1/projects/{ref}{path}")
        assert (answer.status_code, answer.json()) == (404, {"message": f"Project '{ref}' does not exist."})
    assert api.client.delete(f"/v1/projects/{ref}").status_code == 404
    assert [count(api, table) for table in ("port_lease", "subnet_lease", "project_secret")] == [0, 0, 0]
    again = api.create(name="Again")["ref"]
    assert again != ref
    assert api.client.get(f"/fleet/projects/{again}").json()["gateway_port"] == 24321


def test_keys_are_the_projects_own_and_the_secret_one_is_masked(api: Api) -> None:
    ref = api.create()["ref"]
    masked = {key["name"]: key for key in api.client.get(f"/v1/projects/{ref}/api-keys").json()}
    shown = {key["name"]: key for key in api.client.get(f"/v1/projects/{ref}/api-keys?reveal=true").json()}
    assert set(masked) == set(shown) == {"anon", "service_role"}
    assert masked["anon"]["api_key"] == shown["anon"]["api_key"]
    assert masked["service_role"]["api_key"] != shown["service_role"]["api_key"]
    assert {key["type"] for key in shown.values()} == {"legacy"}
    with reading(api.engine) as session:
        secrets = projects.run_inputs(session, ref, api.settings)["secrets"]
    assert secrets["postgres_password"] == PASSWORD
    assert (secrets["anon_key"], secrets["service_role_key"]) == (
        shown["anon"]["api_key"],
        shown["service_role"]["api_key"],
    )


def test_whoever_may_read_secret_keys_may_sign_in_to_the_projects_own_studio(api: Api) -> None:
    ref = api.create()["ref"]
    path = f"/fleet/projects/{ref}/studio"
    known = api.secrets_of(ref)
    answer = api.client.get(path)
    assert answer.json() == {
        "url": api.client.get(f"/fleet/projects/{ref}").json()["public_url"],
        "username": known["dashboard_username"],
        "password": known["dashboard_password"],
    }
    assert answer.headers["cache-control"] == "no-store"
    developer, reader = (add_person(api, f"another-{role}", role) for role in (Role.DEVELOPER, Role.READ_ONLY))
    assert api.client.get(path, headers=developer.headers).status_code == 200
    assert api.client.get(path, headers=reader.headers).status_code == 403


def test_no_secret_is_readable_in_the_database(api: Api) -> None:
    mail_password = "mailPassword4711"
    environment = {"auth": {"GOTRUE_SMTP_PASS": mail_password}}
    ref = api.create(settings={"environment": environment, "jwt_expiry": 1800})["ref"]
    with reading(api.engine) as session:
        inputs = projects.run_inputs(session, ref, api.settings)
    assert inputs["project"]["settings"] == {"environment": environment, "jwt_expiry": 1800}
    with api.engine.connect() as connection:
        stored = "".join(
            str(connection.execute(text(f"SELECT * FROM {table}")).all())
            for table in ("project", "project_secret", "run", "access_token")
        )
    token = api.settings.owner_token_file.read_text().strip()
    for secret in (*inputs["secrets"].values(), mail_password, token):
        assert secret == "supabase" or secret not in stored
