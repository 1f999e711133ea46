"""The official configuration of a project's services, with scripted playbooks: what is told, stored, and refused."""

import hashlib
import hmac
import threading
import time
from typing import Any

import pytest
from sqlalchemy import text

from supafleet.runner.fake import FakeLauncher, fails_on
from tests.integration.api.conftest import SECONDS, Api
from tests.integration.api.test_lifecycle import wait_for
from tests.integration.api.test_verbs import kinds


@pytest.fixture
def ref(live_api: Api) -> str:
    name = live_api.create()["ref"]
    assert wait_for(live_api, name, "ACTIVE_HEALTHY", "INIT_FAILED")["status"] == "ACTIVE_HEALTHY"
    return str(name)


def told(api: Api, ref: str, path: str) -> dict[str, Any]:
    answer = api.client.get(f"/v1/projects/{ref}/{path}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def change(api: Api, ref: str, path: str, body: dict[str, Any], method: str = "PATCH") -> Any:
    return api.client.request(method, f"/v1/projects/{ref}/{path}", json=body)


def applied(launcher: FakeLauncher) -> dict[str, Any]:
    """The settings that the latest playbook was given."""
    project = launcher.requests[-1].project
    assert project is not None
    settings: dict[str, Any] = project["settings"]
    return settings


def test_auth_is_told_and_changed(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    before = told(live_api, ref, "config/auth")
    assert (before["disable_signup"], before["site_url"]) == (False, "http://localhost:3000")
    assert (before["mailer_autoconfirm"], before["smtp_host"], before["smtp_pass"]) == (True, None, None)
    body = {
        "disable_signup": True,
        "site_url": "shop://signed-in",
        "jwt_exp": 7200,
        "smtp_host": "mail.example.com",
        "smtp_pass": "mail $secret's",
        "smtp_max_frequency": 5,
        "sessions_timebox": 1.5,
        "external_google_enabled": True,
        "external_google_client_id": "one",
        "external_google_additional_client_ids": "two,three",
        "sms_test_otp": "4915200=123456,4915201=654321",
        "saml_enabled": False,
    }
    answer = change(live_api, ref, "config/auth", body)
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert {name: after[name] for name in body if name != "smtp_pass"} == {
        name: value for name, value in body.items() if name != "smtp_pass"
    }
    assert after["smtp_pass"] == hmac.new(ref.encode(), b"mail $secret's", hashlib.sha256).hexdigest()
    assert after["mailer_autoconfirm"] is False, "a mail server can ask for a confirmation"
    assert told(live_api, ref, "config/auth") == after
    assert applied(launcher) == {
        "disable_signup": True,
        "site_url": "shop://signed-in",
        "jwt_expiry": 7200,
        "environment": {
            "auth": {
                "GOTRUE_SMTP_HOST": "mail.example.com",
                "GOTRUE_SMTP_PASS": "mail $secret's",
                "GOTRUE_SMTP_MAX_FREQUENCY": "5s",
                "GOTRUE_SESSIONS_TIMEBOX": "5400s",
                "GOTRUE_EXTERNAL_GOOGLE_ENABLED": "true",
                "GOTRUE_EXTERNAL_GOOGLE_CLIENT_ID": "one,two,three",
                "GOTRUE_SMS_TEST_OTP": "4915200:123456,4915201:654321",
            }
        },
    }
    with live_api.engine.connect() as connection:
        stored = connection.execute(text("SELECT settings FROM project")).scalar_one()
        ciphers = " ".join(connection.execute(text("SELECT ciphertext FROM project_secret")).scalars())
    assert "secret" not in str(stored)
    assert "secret" not in ciphers
    fleet = live_api.client.get(f"/fleet/projects/{ref}").text
    assert "secret's" not in fleet
    assert change(live_api, ref, "config/auth", dict.fromkeys(body)).json() == before
    assert applied(launcher) == {}


def test_a_change_that_changes_nothing_starts_nothing(live_api: Api, ref: str) -> None:
    known = told(live_api, ref, "config/auth")
    same = {name: known[name] for name in ("disable_signup", "site_url", "jwt_exp", "saml_enabled")}
    assert change(live_api, ref, "config/auth", same).status_code == 200
    assert change(live_api, ref, "config/auth", same).status_code == 200
    assert kinds(live_api, ref).count("project_converge") <= 1


def test_mail_templates(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    text = '<h1>Hallo</h1>\n<a href="{{ .ConfirmationURL }}">weiter</a>\n'
    names = ("mailer_templates_invite_content", "mailer_templates_password_changed_notification_content")
    answer = change(live_api, ref, "config/auth", dict.fromkeys(names, text))
    assert (answer.status_code, [answer.json()[name] for name in names]) == (200, [text, text])
    assert applied(launcher)["mail_templates"] == {"invite": text, "password_changed_notification": text}
    assert told(live_api, ref, "config/auth")["mailer_templates_recovery_content"] is None

    change(live_api, ref, "config/auth", {names[0]: None})
    assert applied(launcher)["mail_templates"] == {"password_changed_notification": text}
    assert change(live_api, ref, "config/auth", {names[1]: ""}).json()[names[1]] is None
    assert not applied(launcher).get("mail_templates")


def test_a_template_of_the_owners_own_server_is_not_told_as_a_text(live_api: Api, launcher: FakeLauncher) -> None:
    variable, name = "GOTRUE_MAILER_TEMPLATES_INVITE", "mailer_templates_invite_content"
    ref = live_api.create(settings={"environment": {"auth": {variable: "https://example.com/invite.html"}}})["ref"]
    assert wait_for(live_api, ref, "ACTIVE_HEALTHY")
    known = told(live_api, ref, "config/auth")[name]
    assert known is None
    assert change(live_api, ref, "config/auth", {name: known}).status_code == 200
    assert applied(launcher) == {"environment": {"auth": {variable: "https://example.com/invite.html"}}}
    assert change(live_api, ref, "config/auth", {name: "<p>"}).json()[name] == "<p>"
    assert applied(launcher) == {"mail_templates": {"invite": "<p>"}}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"nonsense": 1}, "nonsense"),
    ({"disable_signup": "yes"}, "disable_signup"),
    ({"jwt_exp": 5}, "jwt_exp"),
    ({"jwt_exp": 10**30}, "jwt_exp"),
    ({"site_url": "not a url"}, "site_url"),
    ({"smtp_host": "a\nb"}, "smtp_host"),
    ({"smtp_host": "a\x00b"}, "smtp_host"),
    ({"smtp_user": "x" * 9000}, "smtp_user"),
    ({"saml_enabled": True}, "saml_enabled"),
    ({"mailer_templates_invite_content": " \n"}, "mailer_templates_invite_content"),
    ({"mailer_templates_invite_content": "<p>\x00"}, "mailer_templates_invite_content"),
    ({"mailer_templates_invite_content": "x" * 65_537}, "mailer_templates_invite_content"),
    ({"security_sb_forwarded_for_enabled": True}, "security_sb_forwarded_for_enabled"),
    ({"db_max_pool_size_unit": "percent"}, "db_max_pool_size_unit"),
    ({"mailer_allow_unverified_email_sign_ins": True}, "mailer_allow_unverified_email_sign_ins"),
    ({"hook_send_sms_enabled": True}, "hook_send_sms_uri"),
    ({"hook_send_sms_uri": "ftp://x"}, "hook_send_sms_uri"),
    ({"hook_send_sms_enabled": True, "hook_send_sms_uri": "https://x.example"}, "hook_send_sms_secrets"),
    ({"security_captcha_enabled": True}, "security_captcha_provider"),
    ({"external_github_enabled": True}, "external_github_client_id"),
    ({"external_apple_additional_client_ids": "b"}, "external_apple_client_id"),
    ({"passkey_enabled": True}, "webauthn_rp_id"),
    ({"sms_provider": "pigeon"}, "sms_provider"),
    ({"sms_test_otp": "4915200=123456,,4915201=123456"}, "sms_test_otp"),
    ({"sms_test_otp": "4915200=1234564915201=123456"}, "sms_test_otp"),
    # Read in every way in which its digits could be shared out, it would never come to an end.
    ({"sms_test_otp": "1=" + "2222=" * 60 + "x"}, "sms_test_otp"),
]


def test_what_auth_cannot_be_is_refused_with_the_field(api: Api) -> None:
    ref = api.create()["ref"]
    for body, field in REFUSED:
        answer = change(api, ref, "config/auth", body)
        assert (answer.status_code, answer.json()["message"].partition(":")[0]) == (422, field), body
    assert api.client.get(f"/fleet/projects/{ref}").json()["desired_generation"] == 1


def test_an_override_of_the_owner_is_what_is_told(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    override = {"settings": {"environment": {"auth": {"GOTRUE_DISABLE_SIGNUP": "true"}, "meta": {"PG_X": "1"}}}}
    assert live_api.client.patch(f"/fleet/projects/{ref}", json=override).status_code == 200
    assert told(live_api, ref, "config/auth")["disable_signup"] is True
    assert change(live_api, ref, "config/auth", {"disable_signup": False}).json()["disable_signup"] is False
    assert applied(launcher) == {"disable_signup": False, "environment": {"meta": {"PG_X": "1"}}}


def test_an_override_that_is_no_number_is_told_as_the_default(api: Api) -> None:
    names = ("GOTRUE_SMTP_MAX_FREQUENCY", "GOTRUE_SESSIONS_TIMEBOX", "GOTRUE_MAILER_OTP_EXP")
    for number, words in enumerate(("1" * 300_000, "9" * 400 + "h", "1s " * 90_000, "--1", "")):
        environment = {"auth": dict.fromkeys(names, words)}
        ref = api.create(name=f"p{number}", settings={"environment": environment})["ref"]
        began = time.monotonic()
        auth = told(api, ref, "config/auth")
        assert time.monotonic() - began < SECONDS
        fields = ("smtp_max_frequency", "sessions_timebox", "mailer_otp_exp")
        assert [auth[field] for field in fields] == [60, 0, 86_400], words[:9]


def test_the_data_api(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    assert told(live_api, ref, "postgrest")["max_rows"] == 1000
    answer = change(live_api, ref, "postgrest", {"max_rows": 5, "db_schema": "public", "db_pool": 20})
    assert (answer.status_code, answer.json()["max_rows"], answer.json()["db_pool"]) == (200, 5, 20)
    assert applied(launcher) == {
        "db_max_rows": 5,
        "db_schemas": "public",
        "environment": {"rest": {"PGRST_DB_POOL": "20"}},
    }
    off = change(live_api, ref, "postgrest", {"db_schema": ""})
    assert (off.status_code, off.json()["db_schema"], applied(launcher)["db_schemas"]) == (200, "", "")
    missing = live_api.client.get(f"/v1/projects/{ref}/database/openapi")
    assert missing.status_code == 409
    assert missing.json()["message"] == f"The Data API of project '{ref}' is off: its setting db_schemas is empty."
    refused = change(live_api, ref, "postgrest", {"db_schema": "public; drop"})
    assert (refused.status_code, refused.json()["message"].partition(":")[0]) == (422, "db_schema")


def test_storage(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    before = told(live_api, ref, "config/storage")
    assert before["features"]["imageTransformation"] == {"enabled": True}
    body = {"fileSizeLimit": 1000, "features": {"imageTransformation": {"enabled": False}}}
    answer = change(live_api, ref, "config/storage", body)
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "0")
    assert told(live_api, ref, "config/storage")["fileSizeLimit"] == 1000
    assert applied(launcher) == {
        "file_size_limit": 1000,
        "environment": {"storage": {"ENABLE_IMAGE_TRANSFORMATION": "false"}},
    }
    assert change(live_api, ref, "config/storage", {"features": before["features"]}).status_code == 200
    refused = change(live_api, ref, "config/storage", {"features": {"purgeCache": {"enabled": True}}})
    assert refused.status_code == 422
    assert refused.json()["message"].startswith("features.purgeCache.enabled: cannot be changed: ")
    refused = change(live_api, ref, "config/storage", {"fileSizeLimit": 0})
    assert (refused.status_code, refused.json()["message"].partition(":")[0]) == (422, "fileSizeLimit")


def test_realtime(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    answer = change(live_api, ref, "config/realtime", {"max_concurrent_users": 7})
    assert (answer.status_code, answer.content) == (204, b"")
    assert told(live_api, ref, "config/realtime")["max_concurrent_users"] == 7
    assert applied(launcher) == {"environment": {"realtime": {"TENANT_MAX_CONCURRENT_USERS": "7"}}}
    refused = change(live_api, ref, "config/realtime", {"private_only": True})
    assert (refused.status_code, refused.json()["message"].partition(":")[0]) == (422, "private_only")


def test_postgres(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    path = "config/database/postgres"
    assert told(live_api, ref, path) == {}
    live_api.client.patch(f"/fleet/projects/{ref}", json={"settings": {"postgres": {"random_page_cost": "1.1"}}})
    wished = {"work_mem": "8MB", "max_connections": 120, "log_connections": True, "pg_net.batch_size": 9}
    answer = change(live_api, ref, path, wished, "PUT")
    assert (answer.status_code, answer.json()) == (200, wished)
    assert applied(launcher)["postgres"] == {
        "random_page_cost": "1.1",
        "work_mem": "8MB",
        "max_connections": "120",
        "log_connections": "on",
        "pg_net.batch_size": "9",
    }
    assert change(live_api, ref, path, {"work_mem": "9MB"}).json() == {**wished, "work_mem": "9MB"}
    assert change(live_api, ref, path, {"restart_database": False, "work_mem": "9MB"}).status_code == 200
    refused = change(live_api, ref, path, {"restart_database": False, "work_mem": "1MB"})
    assert (refused.status_code, refused.json()["message"].partition(":")[0]) == (422, "restart_database")
    assert change(live_api, ref, path, {"work_mem": "9MB"}, "PUT").json() == {"work_mem": "9MB"}
    for body, field in (
        ({"shared_buffers": "much"}, "shared_buffers"),
        ({"statement_timeout": "soon"}, "statement_timeout"),
        ({"max_connections": 0}, "max_connections"),
        ({"max_wal_senders": 0}, "max_wal_senders"),
        ({"listen_addresses": "*"}, "listen_addresses"),
    ):
        refused = change(live_api, ref, path, body)
        assert (refused.status_code, refused.json()["message"].partition(":")[0]) == (422, field), body


def test_what_no_official_type_tells_is_left_out(live_api: Api, ref: str) -> None:
    chosen = {"max_connections": "0x64", "work_mem": "8 MB", "jit": "off", "log_connections": "on"}
    answer = live_api.client.patch(f"/fleet/projects/{ref}", json={"settings": {"postgres": chosen}})
    assert answer.json()["settings"]["postgres"] == chosen
    assert told(live_api, ref, "config/database/postgres") == {"log_connections": True}


def test_the_whole_configuration_as_one_document(live_api: Api, ref: str) -> None:
    change(live_api, ref, "config/auth", {"smtp_pass": "hidden", "refresh_token_rotation_enabled": False})
    answer = live_api.client.get(f"/v2/projects/{ref}/config")
    assert answer.status_code == 200
    attributes = answer.json()["data"]["attributes"]
    assert attributes["auth"]["security_refresh_token_rotation_enabled"] is False
    assert attributes["auth"]["smtp_pass"] == told(live_api, ref, "config/auth")["smtp_pass"] != "hidden"
    assert attributes["database"]["major_version"] == 17
    assert attributes["storage"]["features"]["image_transformation"] == {"enabled": True}
    assert "pooler" not in attributes
    assert live_api.client.get(f"/v1/projects/{ref}/config/database/pooler").json() == []


def test_five_changes_at_once_all_stay_and_end_in_few_converges(live_api: Api, ref: str) -> None:
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("config/auth", {"disable_signup": True}),
        ("config/auth", {"password_min_length": 9}),
        ("postgrest", {"max_rows": 17}),
        ("config/storage", {"fileSizeLimit": 17}),
        ("config/database/postgres", {"work_mem": "7MB"}),
    ]
    answers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda path=path, body=body: answers.append(change(live_api, ref, path, body).status_code)
        )
        for path, body in bodies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 5
    assert kinds(live_api, ref).count("project_converge") <= 3
    auth = told(live_api, ref, "config/auth")
    assert (auth["disable_signup"], auth["password_min_length"]) == (True, 9)
    assert told(live_api, ref, "config/database/postgres") == {"work_mem": "7MB"}


def test_a_change_that_was_not_applied_is_said(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    launcher.scripts["project_converge"] = fails_on("Wait", "The service auth is unhealthy.")
    answer = change(live_api, ref, "config/auth", {"disable_signup": True})
    assert answer.status_code == 502
    assert answer.json() == {"message": "The change is stored but was not applied: The service auth is unhealthy."}


def test_a_project_is_renamed(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    answer = live_api.client.patch(f"/v1/projects/{ref}", json={"name": "Umbrella"})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"id": answer.json()["id"], "ref": ref, "name": "Umbrella"}
    assert launcher.requests[-1].project is not None
    assert launcher.requests[-1].project["name"] == "Umbrella"
    other = live_api.create(name="Other")["ref"]
    wait_for(live_api, other, "ACTIVE_HEALTHY")
    taken = live_api.client.patch(f"/v1/projects/{other}", json={"name": "Umbrella"})
    assert (taken.status_code, taken.json()["message"].partition(":")[0]) == (409, "name")
    assert live_api.client.patch(f"/v1/projects/{other}", json={"name": "\n"}).status_code == 422
