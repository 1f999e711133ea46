"""Signing up, in and out, and personal access tokens, as clients and the database see them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from argon2 import PasswordHasher
from cryptography.fernet import Fernet
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import text

from supafleet.accounts import passwords, sessions
from supafleet.app import create_app
from supafleet.bootstrap import prepare
from supafleet.db import unit_of_work, utc_now
from supafleet.settings import Settings
from tests.integration.api.conftest import Api, serve

EMAIL = "ada@example.com"
PASSWORD = "analytical engine"


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", hasher)
    passwords._hash_of_nothing.cache_clear()
    yield
    passwords._hash_of_nothing.cache_clear()


@pytest.fixture
def open_client(settings: Settings) -> Iterator[TestClient]:
    """An installation that lets everybody sign up; the client has no token."""
    for client in serve(create_app(settings.model_copy(update={"signup_enabled": True})), settings):
        del client.headers["Authorization"]
        yield client


def sign_up(client: TestClient, email: str = EMAIL, password: str = PASSWORD) -> httpx.Response:
    return client.post("/platform/signup", json={"email": email, "password": password, "hcaptchaToken": None})


def sign_in(client: TestClient, email: str = EMAIL, password: str = PASSWORD) -> httpx.Response:
    body = {"email": email, "password": password, "gotrue_meta_security": {"captcha_token": None}}
    return client.post("/auth/token?grant_type=password", json=body)


def refresh(client: TestClient, token: str) -> httpx.Response:
    return client.post("/auth/token?grant_type=refresh_token", json={"refresh_token": token})


def profile(client: TestClient, token: str) -> httpx.Response:
    return client.get("/v1/profile", headers=bearer(token))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def rows(api: Api, statement: str) -> list[Any]:
    with api.engine.connect() as connection:
        return list(connection.execute(text(statement)))


def change(client: TestClient, statement: str, **values: Any) -> None:
    engine = client.app.state.engine  # type: ignore[attr-defined]
    with engine.execution_options(supafleet_writing=True).begin() as connection:
        connection.execute(text(statement), values)


def test_sign_up_is_closed_unless_it_was_opened(api: Api) -> None:
    refused = sign_up(api.client)
    assert (refused.status_code, refused.json()) == (403, {"message": "Sign-up is closed: ask for an invitation."})
    assert len(rows(api, "SELECT id FROM account")) == 1


def test_an_account_signs_up_in_and_out(open_client: TestClient) -> None:
    assert (sign_up(open_client).status_code, sign_up(open_client).status_code) == (201, 409)
    answer = sign_in(open_client, email="ADA@example.com")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    tokens = answer.json()
    assert tokens.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "user"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    assert tokens["user"]["email"] == EMAIL
    assert tokens["user"]["app_metadata"] == {"provider": "email"}
    told = profile(open_client, tokens["access_token"]).json()
    assert (told["primary_email"], told["username"]) == (EMAIL, "ada")
    other = sign_in(open_client).json()
    left = open_client.post("/auth/logout?scope=local", headers=bearer(tokens["access_token"]))
    assert (left.status_code, left.content) == (204, b"")
    assert profile(open_client, tokens["access_token"]).status_code == 401, "at once, not when it expires"
    assert refresh(open_client, tokens["refresh_token"]).status_code == 401
    assert profile(open_client, other["access_token"]).status_code == 200
    open_client.post("/auth/logout", headers=bearer(other["access_token"]))
    assert profile(open_client, other["access_token"]).status_code == 401


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"email": "ada"}, "email: must be a mail address such as ada@example.com"),
        ({"email": "ada@x\x00y"}, "email: must be a mail address such as ada@example.com"),
        ({"password": "short"}, "password: must have 8 to 256 characters"),
        ({"password": "x" * 257}, "password: must have 8 to 256 characters"),
        ({"password": None}, "password: must be a string"),
    ],
)
def test_what_a_new_account_may_not_be(open_client: TestClient, fields: dict[str, Any], sentence: str) -> None:
    answer = open_client.post("/platform/signup", json={"email": EMAIL, "password": PASSWORD, **fields})
    assert answer.status_code == 422
    assert answer.json()["message"].replace("should be a valid string", "must be a string") == sentence


def test_two_people_with_one_name_are_told_apart(open_client: TestClient) -> None:
    sign_up(open_client, "ada@one.example.com")
    assert sign_up(open_client, "ada@two.example.com").status_code == 201
    tokens = sign_in(open_client, "ada@two.example.com").json()
    assert profile(open_client, tokens["access_token"]).json()["username"].startswith("ada-")


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(
    open_client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_up(open_client)
    judged: list[bool] = []
    is_right = passwords.is_right

    def judge(password: str, stored: str | None) -> bool:
        judged.append(stored is None)
        return is_right(password, stored)

    monkeypatch.setattr(passwords, "is_right", judge)
    wrong = sign_in(open_client, password="not it at all")
    unknown = sign_in(open_client, email="nobody@example.com")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json() == {"message": "The mail address or the password is wrong."}
    assert judged == [False, True], "the unknown one costs a hash, too"
    assert not passwords.is_right("a password that nobody has", None)


def test_a_missing_part_is_named(open_client: TestClient) -> None:
    for query, body, message in (
        ("grant_type=password", {"email": EMAIL}, "password: is required"),
        ("grant_type=password", {"password": "x"}, "email: is required"),
        ("grant_type=refresh_token", {}, "refresh_token: is required"),
        (
            "grant_type=password",
            {"email": "ada\x00@x", "password": "x"},
            "email: must be a mail address such as ada@example.com",
        ),
        ("grant_type=magic", {}, "grant_type: must be password or refresh_token"),
        ("", {}, "grant_type: is required"),
    ):
        answer = open_client.post(f"/auth/token?{query}", json=body)
        assert (answer.status_code, answer.json()) == (422, {"message": message})


def test_a_refresh_token_is_good_for_one_exchange(open_client: TestClient) -> None:
    sign_up(open_client)
    first = sign_in(open_client).json()
    second = refresh(open_client, first["refresh_token"]).json()
    third = refresh(open_client, second["refresh_token"]).json()
    assert profile(open_client, third["access_token"]).status_code == 200
    apart = sign_in(open_client).json()
    again = refresh(open_client, first["refresh_token"])
    assert (again.status_code, again.json()) == (401, {"message": "The refresh token is not valid: sign in again."})
    # Somebody has stolen it: nothing of this sign-in counts any more, and another sign-in is not touched.
    assert refresh(open_client, third["refresh_token"]).status_code == 401
    assert profile(open_client, third["access_token"]).status_code == 401
    assert profile(open_client, apart["access_token"]).status_code == 200
    assert refresh(open_client, "nonsense").status_code == 401


def test_of_many_exchanges_at_once_one_succeeds_at_most(open_client: TestClient) -> None:
    sign_up(open_client)
    tokens = sign_in(open_client).json()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: refresh(open_client, tokens["refresh_token"]), range(6)))
    assert [answer.status_code for answer in answers].count(200) <= 1
    good = [answer.json()["refresh_token"] for answer in answers if answer.status_code == 200]
    assert all(refresh(open_client, token).status_code == 401 for token in good)


def test_a_session_that_nobody_uses_ends(open_client: TestClient) -> None:
    sign_up(open_client)
    tokens = sign_in(open_client).json()
    change(open_client, "UPDATE sign_in_session SET expires_at = created_at")
    assert refresh(open_client, tokens["refresh_token"]).status_code == 401
    assert profile(open_client, tokens["access_token"]).status_code == 401


def test_only_hashes_of_passwords_and_tokens_are_stored(api: Api) -> None:
    owner = api.client
    assert owner.put("/fleet/account/password", json={"password": PASSWORD}).status_code == 204
    tokens = sign_in(owner, "owner@localhost").json()
    personal = owner.post("/fleet/account/tokens", json={"name": "ci"}).json()["token"]
    stored = str(rows(api, "SELECT * FROM account") + rows(api, "SELECT * FROM refresh_token"))
    stored += str(rows(api, "SELECT * FROM access_token") + rows(api, "SELECT * FROM installation_secret"))
    stored += str(rows(api, "SELECT * FROM audit_entry"))
    assert "$argon2id$" in stored
    signing_key = api.app.state.signer._key
    for secret in (PASSWORD, tokens["refresh_token"], tokens["access_token"], personal, signing_key):
        assert secret not in stored


def test_the_first_owner_sets_a_password_and_changes_it_with_it(api: Api) -> None:
    assert sign_in(api.client, "owner@localhost").status_code == 401
    alone = api.client.post("/auth/logout?scope=local")
    assert alone.json() == {"message": "scope: must be global with a personal access token, which is no sign-in"}
    assert api.client.put("/fleet/account/password", json={"password": PASSWORD}).status_code == 204
    mine, other = (sign_in(api.client, "owner@localhost").json()["access_token"] for _ in range(2))
    for body in ({}, {"current_password": "wrong one"}):
        refused = api.client.put("/fleet/account/password", json={"password": "another one", **body})
        assert refused.status_code == 403
        assert refused.json() == {"message": "current_password: must be the account's present password"}
    body = {"password": "another one", "current_password": PASSWORD}
    assert api.client.put("/fleet/account/password", json=body, headers=bearer(mine)).status_code == 204
    assert profile(api.client, mine).status_code == 200
    assert profile(api.client, other).status_code == 401, "whoever knew the old one is out"
    assert sign_in(api.client, "owner@localhost").status_code == 401
    assert sign_in(api.client, "owner@localhost", "another one").status_code == 200
    assert api.client.get("/v1/profile").status_code == 200, "personal access tokens stay"


@pytest.mark.parametrize(
    "forge",
    [
        lambda payload, _: jwt.encode(payload, "another key that is long enough for it", algorithm="HS256"),
        lambda payload, key: jwt.encode(payload, key, algorithm="HS512"),
        lambda payload, _: jwt.encode(payload, None, algorithm="none"),
        lambda payload, key: jwt.encode({**payload, "exp": 1}, key, algorithm="HS256"),
        lambda payload, key: jwt.encode({**payload, "aud": "elsewhere"}, key, algorithm="HS256"),
        lambda payload, key: jwt.encode({**payload, "iss": "elsewhere"}, key, algorithm="HS256"),
        lambda payload, key: jwt.encode({**payload, "sub": "somebody else"}, key, algorithm="HS256"),
        lambda payload, key: jwt.encode({**payload, "session_id": "another"}, key, algorithm="HS256"),
        lambda payload, key: jwt.encode(
            {name: value for name, value in payload.items() if name != "exp"}, key, algorithm="HS256"
        ),
    ],
)
def test_a_forged_access_token_opens_nothing(settings: Settings, api: Api, forge: Any) -> None:
    api.client.put("/fleet/account/password", json={"password": PASSWORD})
    good = sign_in(api.client, "owner@localhost").json()["access_token"]
    payload = jwt.decode(good, options={"verify_signature": False})
    assert profile(api.client, good).status_code == 200
    assert profile(api.client, forge(payload, api.app.state.signer._key)).status_code == 401


def test_the_signing_key_is_random_and_survives_a_restart(settings: Settings, api: Api) -> None:
    api.client.put("/fleet/account/password", json={"password": PASSWORD})
    token = sign_in(api.client, "owner@localhost").json()["access_token"]
    key = api.app.state.signer._key
    assert len(key) >= 48
    for client in serve(create_app(settings), settings):
        assert profile(client, token).status_code == 200


def test_the_signing_key_is_kept_under_the_master_key(settings: Settings, api: Api) -> None:
    old = settings.master_key_file.read_text().strip()
    new = Fernet.generate_key().decode()
    (before,) = rows(api, "SELECT ciphertext FROM installation_secret")
    prepare(settings.model_copy(update={"master_key": SecretStr(f"{new},{old}")}), api.engine)
    (after,) = rows(api, "SELECT ciphertext FROM installation_secret")
    key = api.app.state.signer._key
    assert Fernet(old).decrypt(before[0].encode()).decode() == key
    assert Fernet(new).decrypt(after[0].encode()).decode() == key


def test_failed_sign_ins_make_the_next_one_wait(open_client: TestClient) -> None:
    sign_up(open_client)
    for _ in range(5):
        assert sign_in(open_client, password="not it at all").status_code == 401
    for password in (PASSWORD, "not it at all"):
        waiting = sign_in(open_client, password=password)
        assert waiting.status_code == 429
        assert 1 <= int(waiting.headers["retry-after"]) <= 5
        assert waiting.json()["message"].startswith("Too many attempts: try again in ")
    assert sign_in(open_client, email="nobody@example.com").status_code == 401, "others do not wait"
    for pause in (10, 20):
        change(open_client, "UPDATE sign_in_failure SET locked_until = failed_at")
        assert sign_in(open_client, password="not it at all").status_code == 401
        assert pause - 5 <= int(sign_in(open_client).headers["retry-after"]) <= pause
    change(open_client, "UPDATE sign_in_failure SET locked_until = failed_at")
    assert sign_in(open_client).status_code == 200
    assert sign_in(open_client, password="not it at all").status_code == 401, "the count began anew"
    assert sign_in(open_client).status_code == 200


def test_unknown_addresses_wait_as_known_ones_do(open_client: TestClient) -> None:
    statuses = [sign_in(open_client, email="nobody@example.com").status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


def test_many_failures_from_one_place_wait_whatever_the_account(open_client: TestClient) -> None:
    sign_up(open_client)
    statuses = [sign_in(open_client, email=f"{number}@example.com").status_code for number in range(19)]
    assert set(statuses) == {401}
    assert sign_in(open_client).status_code == 429
    change(open_client, "UPDATE sign_in_failure SET locked_until = failed_at")
    assert sign_in(open_client).status_code == 200
    # One's own account does not clear what was tried with those of others.
    assert sign_in(open_client, email="21@example.com").status_code == 401
    assert sign_in(open_client, email="22@example.com").status_code == 429


def test_attempts_at_once_do_not_slip_through(open_client: TestClient) -> None:
    sign_up(open_client)
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: sign_in(open_client, password="not it at all").status_code, range(12)))
    assert answers.count(401) == 5
    assert answers.count(429) == 7


def test_a_personal_access_token_is_told_once_and_revoked_at_once(api: Api) -> None:
    made = api.client.post("/fleet/account/tokens", json={"name": "ci", "expires_in_days": 30})
    assert made.status_code == 201, made.text
    token, token_id = made.json()["token"], made.json()["id"]
    assert made.json()["prefix"] == token[:8]
    listed = {row["id"]: row for row in api.client.get("/fleet/account/tokens").json()}
    assert "token" not in listed[token_id]
    assert listed[token_id]["last_used_at"] is None
    # What is refused is a use, too.
    assert api.client.get("/v1/projects/abcdefghijabcdefghij", headers=bearer(token)).status_code == 404
    listed = {row["id"]: row for row in api.client.get("/fleet/account/tokens").json()}
    assert listed[token_id]["last_used_at"] is not None
    assert listed[token_id]["expires_at"] is not None
    assert profile(api.client, token).status_code == 200
    for _ in range(2):
        assert api.client.delete(f"/fleet/account/tokens/{token_id}").status_code == 200
    assert profile(api.client, token).status_code == 401
    assert api.client.delete("/fleet/account/tokens/9999").status_code == 404


def test_an_expired_token_is_worth_nothing(api: Api) -> None:
    token = api.client.post("/fleet/account/tokens", json={"name": "ci", "expires_in_days": 1}).json()["token"]
    assert profile(api.client, token).status_code == 200
    change(api.client, "UPDATE access_token SET expires_at = created_at WHERE name = 'ci'")
    assert profile(api.client, token).status_code == 401


def test_nobody_sees_or_revokes_the_tokens_of_others(open_client: TestClient, settings: Settings) -> None:
    sign_up(open_client)
    headers = bearer(sign_in(open_client).json()["access_token"])
    assert open_client.get("/fleet/account/tokens", headers=headers).json() == []
    assert open_client.delete("/fleet/account/tokens/1", headers=headers).status_code == 404
    assert profile(open_client, settings.owner_token_file.read_text().strip()).status_code == 200


def test_a_token_without_a_good_name_or_span_is_refused(api: Api) -> None:
    for body, field in (
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({}, "name"),
        ({"name": "x", "expires_in_days": 0}, "expires_in_days"),
        ({"name": "x", "expires_in_days": 4000}, "expires_in_days"),
    ):
        answer = api.client.post("/fleet/account/tokens", json=body)
        assert answer.status_code == 422
        assert answer.json()["message"].startswith(f"{field}: ")


def test_old_sessions_and_tokens_are_forgotten(api: Api) -> None:
    api.client.put("/fleet/account/password", json={"password": PASSWORD})
    sign_in(api.client, "owner@localhost")
    sign_in(api.client, "owner@localhost", "not it at all")
    api.client.post("/fleet/account/tokens", json={"name": "ci", "expires_in_days": 1})
    for days, sessions_left, tokens_left in ((25, 1, 2), (70, 0, 1)):
        with unit_of_work(api.engine) as session:
            sessions.forget_old(session, utc_now() + timedelta(days=days))
        assert len(rows(api, "SELECT * FROM sign_in_session")) == sessions_left
        assert len(rows(api, "SELECT * FROM refresh_token")) == sessions_left
        assert len(rows(api, "SELECT * FROM access_token")) == tokens_left
        assert rows(api, "SELECT * FROM sign_in_failure") == []
