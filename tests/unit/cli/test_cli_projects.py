"""`supafleet project` against an API over real HTTP."""

import io
import json
from pathlib import Path

import pytest
from fleet_double import REF, RUN_ID, TOKEN, Command, FleetDouble

from supafleet.cli.shapes import ApiKey


def test_create_sends_name_organization_and_a_generated_password(logged_in: FleetDouble, cli: Command) -> None:
    answer = cli("project", "create", "shop")
    assert answer.code == 0
    [body] = logged_in.bodies
    assert body["name"] == "shop"
    assert body["organization_slug"] == "acme"
    assert len(body["db_pass"]) == 32
    assert body.keys() == {"name", "organization_slug", "db_pass"}
    assert f"database password  {body['db_pass']}" in answer.out
    assert f"supafleet run events {RUN_ID} -f" in answer.err


def test_create_passes_every_wish_on(logged_in: FleetDouble, cli: Command, tmp_path: Path) -> None:
    settings = tmp_path / "settings.yml"
    settings.write_text("jwt_expiry: 60\nenvironment: {auth: {GOTRUE_SMTP_PASS: hidden}}\n")
    answer = cli(
        *("project", "create", "shop", "--org", "other", "--region", "eu-central-1", "--size", "small"),
        *(
            "--flavour",
            "supabase",
            "--release",
            "2026.09",
            "--host",
            "eu1",
            "--gateway-port",
            "24399",
            "--settings-file",
            str(settings),
        ),
        *("--setting", "environment.auth.GOTRUE_SMTP_HOST=mail.example.com", "--setting", "jwt_expiry=7200"),
        *("--setting", 'mcp_allowed_addresses=["192.0.2.0/24"]'),
    )
    assert answer.code == 0, answer.err
    [body] = logged_in.bodies
    body.pop("db_pass")
    assert body == {
        "name": "shop",
        "organization_slug": "other",
        "region": "eu-central-1",
        "desired_instance_size": "small",
        "flavour": "supabase",
        "release": "2026.09",
        "host": "eu1",
        "gateway_port": 24399,
        "settings": {
            "jwt_expiry": "7200",
            "environment": {"auth": {"GOTRUE_SMTP_PASS": "hidden", "GOTRUE_SMTP_HOST": "mail.example.com"}},
            "mcp_allowed_addresses": ["192.0.2.0/24"],
        },
    }


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("jwt_expiry", "'jwt_expiry' must have the form name=value"),
        ("=5", "'=5' must have the form name=value"),
        ("environment..X=1", "must have the form"),
        ("postgres={1", "--setting postgres: the value begins like JSON but is none"),
    ],
)
def test_a_malformed_setting_is_named(logged_in: FleetDouble, cli: Command, pair: str, words: str) -> None:
    answer = cli("project", "create", "shop", "--setting", pair)
    assert answer.code == 2
    assert words in answer.err
    assert logged_in.requests == []


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("jwt_expiry", "the setting 'jwt_expiry' must have the form name=value"),
        ("postgres={1", "the setting postgres: the value begins like JSON but is none"),
        ("a=1 a.b=2", "the setting a.b: a is a value and cannot hold other settings"),
    ],
)
def test_a_malformed_setting_of_a_change_is_named_without_an_option_that_is_not_there(
    logged_in: FleetDouble, cli: Command, pair: str, words: str
) -> None:
    answer = cli("project", "set", REF, *pair.split())
    assert answer.code == 2
    assert answer.err.startswith(f"error: {words}")
    assert logged_in.requests == []


def test_the_password_comes_from_standard_input(
    logged_in: FleetDouble, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Correct7Horse9\nrest\n"))
    answer = cli("project", "create", "shop", "--db-password-stdin")
    assert logged_in.bodies[0]["db_pass"] == "Correct7Horse9"
    assert "Correct7Horse9" not in answer.out + answer.err


def test_an_empty_password_is_refused(logged_in: FleetDouble, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    answer = cli("project", "create", "shop", "--db-password-stdin")
    assert answer.code == 2
    assert "standard input holds no password" in answer.err


def test_several_organizations_must_be_chosen_from(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.organizations = ["acme", "other"]
    answer = cli("project", "create", "shop")
    assert answer.code == 2
    assert "--org: acme, other" in answer.err


def test_wait_shows_phases_and_services_then_url_and_public_key(logged_in: FleetDouble, cli: Command) -> None:
    answer = cli("project", "create", "shop", "--wait")
    assert answer.code == 0, answer.err
    lines = [line.split("s  ", 1)[-1].strip() for line in answer.out.splitlines()]
    assert lines.index("files") < lines.index("watch") < lines.index("db: starting")
    assert "db: starting -> healthy" in lines
    assert "times" in answer.out
    assert "watch 3.0s · whole run 6.0s" in answer.out
    assert "http://127.0.0.1:24321" in answer.out
    assert "anon-jwt" in answer.out
    assert f"secret keys  supafleet project keys {REF} --reveal" in answer.out
    assert f"studio       supafleet project studio {REF}" in answer.out
    assert not [secret for secret in ("ser...", "service-jwt", "studio-password") if secret in answer.out + answer.err]


def test_wait_with_json_prints_one_document_without_keys(logged_in: FleetDouble, cli: Command) -> None:
    answer = cli("project", "create", "shop", "--wait", "--json")
    document = answer.document
    assert answer.code == 0
    assert document["project"]["ref"] == REF
    assert document["run"]["status"] == "succeeded"
    assert document["url"] == "http://127.0.0.1:24321"
    assert document["database_password"] == logged_in.bodies[0]["db_pass"]
    assert "service-jwt" not in answer.out


def test_a_failed_run_ends_with_its_sentence_and_the_services_last_lines(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.run = {"status": "failed", "explanation": "auth exited with code 1\nfatal: no database\nbye"}
    answer = cli("project", "create", "shop", "--wait")
    assert answer.code == 1
    assert answer.err.splitlines() == ["error: auth exited with code 1", "fatal: no database", "bye"]


def test_a_failed_run_with_json_is_still_one_document(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.run = {"status": "failed", "explanation": "auth exited with code 1\nbye"}
    answer = cli("project", "create", "shop", "--wait", "--json")
    assert answer.code == 1
    assert answer.document["error"] == {"message": "auth exited with code 1", "exit_code": 1, "lines": ["bye"]}
    assert answer.document["run"]["status"] == "failed"
    assert answer.document["database_password"]


@pytest.mark.parametrize(("status", "code"), [(404, 4), (409, 5), (422, 1), (500, 1), (401, 1)])
def test_a_refusal_keeps_the_apis_sentence(logged_in: FleetDouble, cli: Command, status: int, code: int) -> None:
    logged_in.create_refusal = (status, "region: must be one of eu-central-1")
    answer = cli("project", "create", "shop", "--region", "mars")
    assert answer.code == code
    assert answer.err == "error: region: must be one of eu-central-1\n"


def test_an_unreachable_api_has_its_own_exit_code(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPAFLEET_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SUPAFLEET_ACCESS_TOKEN", "sbp_x")
    answer = cli("project", "list", "--json")
    assert answer.code == 3
    assert answer.document["error"]["message"].startswith("cannot reach the API at http://127.0.0.1:9")


def test_a_wrong_url_is_a_usage_error(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPAFLEET_API_URL", "127.0.0.1:80")
    monkeypatch.setenv("SUPAFLEET_ACCESS_TOKEN", "sbp_x")
    answer = cli("project", "list")
    assert answer.code == 2
    assert "must begin with http://" in answer.err


def test_a_wrong_token_is_said(logged_in: FleetDouble, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPAFLEET_ACCESS_TOKEN", "sbp_wrong")
    answer = cli("project", "list")
    assert answer.code == 1
    assert answer.err == "error: the access token is unknown\n"


def test_list_and_get_and_keys(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.add_project(name="[red]shop")
    assert cli("project", "list").out.splitlines() == [
        "REF                   NAME       STATUS          REGION",
        f"{REF}  [red]shop  ACTIVE_HEALTHY  eu-central-1",
    ]
    assert cli("project", "list", "--json").document[0]["ref"] == REF
    text = cli("project", "get", REF).out
    assert "status   ACTIVE_HEALTHY" in text
    assert "db       healthy  0         db:1" in text
    assert cli("project", "get", REF, "--json").document["services"][0]["name"] == "db"
    assert "ser..." in cli("project", "keys", REF).out
    revealed = cli("project", "keys", REF, "--reveal", "--json").document
    assert [key["api_key"] for key in revealed] == ["anon-jwt", "service-jwt"]


def test_an_unknown_project_is_not_found(logged_in: FleetDouble, cli: Command) -> None:
    answer = cli("project", "get", "../../v1/organizations")
    assert answer.code == 4


def test_delete_waits_for_its_run(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.add_project()
    answer = cli("project", "delete", REF, "--wait", "--yes")
    assert answer.code == 0, answer.err
    assert f"deleted {REF}" in answer.out
    assert logged_in.projects == {}


def test_delete_without_yes_needs_a_terminal(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.add_project()
    answer = cli("project", "delete", REF)
    assert answer.code == 2
    assert "--yes" in answer.err
    assert REF in logged_in.projects


def test_a_project_may_be_meant_by_its_name(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.add_project(name="my shop")
    assert cli("project", "get", "my shop", "--json").document["ref"] == REF
    assert cli("project", "get", "My Shop").code == 4
    other = REF[::-1]
    logged_in.add_project(other, "my shop")
    answer = cli("project", "delete", "my shop", "--yes")
    assert answer.code == 2
    assert f"2 projects are called my shop: name one by its ref: {REF}, {other}" in " ".join(answer.err.split())
    assert set(logged_in.projects) == {REF, other}


def test_a_ref_is_never_taken_for_a_name(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.add_project()
    logged_in.add_project("a" * 20, name=REF)
    assert cli("project", "get", REF, "--json").document["ref"] == REF


def test_delete_asks_for_the_ref(logged_in: FleetDouble, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    logged_in.add_project()
    monkeypatch.setattr("sys.stdin", Terminal("demo\n"))
    assert cli("project", "delete", REF).code == 2
    monkeypatch.setattr("sys.stdin", Terminal(f"{REF}\n"))
    assert cli("project", "delete", "demo").code == 2
    assert REF in logged_in.projects
    monkeypatch.setattr("sys.stdin", Terminal(f"{REF}\n"))
    assert cli("project", "delete", REF).code == 0
    assert logged_in.projects == {}


def test_credentials_file_of_a_parent_folder_is_used(
    fleet: FleetDouble, cli: Command, bare_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare_environment / ".supafleet").mkdir()
    (bare_environment / ".supafleet" / "credentials.env").write_text(
        f"# comment\nSUPAFLEET_API_URL={fleet.url}\nSUPAFLEET_ACCESS_TOKEN={TOKEN}\n"
    )
    below = bare_environment / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert cli("project", "list", "--json").document == []


def test_a_token_never_meets_a_url_from_elsewhere(
    fleet: FleetDouble, cli: Command, bare_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bare_environment / ".supafleet").mkdir()
    (bare_environment / ".supafleet" / "credentials.env").write_text(
        f"SUPAFLEET_API_URL={fleet.url}\nSUPAFLEET_ACCESS_TOKEN=sbp_file\n"
    )
    monkeypatch.setenv("SUPAFLEET_ACCESS_TOKEN", "sbp_environment")
    answer = cli("project", "list")
    assert answer.code == 2
    assert "SUPAFLEET_API_URL is missing in the environment" in answer.err
    assert fleet.requests == []


def test_without_credentials_the_sentence_says_where_they_come_from(cli: Command) -> None:
    answer = cli("project", "list", "--json")
    assert answer.code == 2
    assert "SUPAFLEET_API_URL" in json.loads(answer.out)["error"]["message"]


def test_an_answer_of_another_kind_is_said(
    cli: Command, logged_in: FleetDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logged_in, "organizations", [None])
    answer = cli("project", "create", "shop")
    assert answer.code == 1
    assert "is not what this version understands (0.id)" in answer.err


def test_keys_of_one_name_are_told_apart_by_their_kind() -> None:
    keys = [ApiKey(name="default", type=kind, api_key="k") for kind in ("publishable", "secret", "legacy", None)]
    assert [key.label for key in keys] == ["default (publishable)", "default (secret)", "default", "default"]


def test_only_keys_made_for_everybody_are_public() -> None:
    kinds = [("anon", "legacy"), ("service_role", "legacy"), ("a", "publishable"), ("a", "secret"), ("anon", None)]
    keys = [ApiKey(name=name, type=kind, api_key="k") for name, kind in kinds]
    assert [key.is_public for key in keys] == [True, False, True, False, False]
