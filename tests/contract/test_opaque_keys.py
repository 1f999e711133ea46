"""Opaque keys at the gateway: which are taken, and what the services behind it get instead of them."""

from typing import Any

import pytest
import yaml
from kong_view import transform
from stack_cases import CASES

from supafleet.content import content_root
from supafleet.stack.errors import RenderError
from supafleet.stack.render import render_project

PUBLISHABLE = "sb_publishable_0123456789012345678901_01234567"
SECRET = "sb_secret_0123456789012345678901_01234567"
SECOND = "sb_secret_abcdefghijABCDEFGHIJab_abcdefgh"
OWNED = {
    "api_key.publishable.default": PUBLISHABLE,
    "api_key.secret.default": SECRET,
    "api_key.secret.second": SECOND,
}
CASE = CASES[0]
USER = "Bearer user.token.signature"


def rendered(own: dict[str, str], **settings: Any) -> Any:
    project = {**CASE.project, "settings": settings}
    return render_project(project, {**CASE.secrets, **own}, CASE.engine, content_root())


def gateway(own: dict[str, str], **settings: Any) -> dict[str, Any]:
    declared: dict[str, Any] = yaml.safe_load(rendered(own, **settings).files["kong/kong.yml"].content)
    return declared


def keys_of(declared: dict[str, Any], consumer: str) -> list[str]:
    found = next(one for one in declared["consumers"] if one["username"] == consumer)
    return [credential["key"] for credential in found["keyauth_credentials"]]


def sent(declared: dict[str, Any], service: str, headers: dict[str, str], **query: str) -> dict[str, str]:
    found = next(one for one in declared["services"] if one["name"] == service)
    config = next(one["config"] for one in found["plugins"] if one["name"] == "request-transformer")
    after, parameters = transform(config, headers, query)
    return after | {f"?{name}": value for name, value in parameters.items()}


def token(role: str) -> str:
    return CASE.secrets[f"{role}_key"]


def test_an_opaque_key_stands_beside_the_legacy_one() -> None:
    declared = gateway(OWNED)
    assert keys_of(declared, "anon") == [token("anon"), PUBLISHABLE]
    assert keys_of(declared, "service_role") == [token("service_role"), SECRET, SECOND]


@pytest.mark.parametrize("service", ["auth-v1", "rest-v1-openapi", "rest-v1", "graphql-v1", "storage-v1"])
@pytest.mark.parametrize("has_legacy", [True, False])
def test_services_get_the_token_of_the_keys_role(service: str, has_legacy: bool) -> None:
    declared = gateway(OWNED, legacy_api_keys=has_legacy)
    for key, role in ((PUBLISHABLE, "anon"), (SECRET, "service_role"), (SECOND, "service_role")):
        for headers in ({"apikey": key}, {"apikey": key, "authorization": f"Bearer {key}"}):
            assert sent(declared, service, headers)["authorization"] == f"Bearer {token(role)}"
        kept = sent(declared, service, {"apikey": key, "authorization": USER})
        assert kept["authorization"] == USER


def test_websockets_get_the_bare_token() -> None:
    declared = gateway(OWNED)
    by_query = sent(declared, "realtime-v1-ws", {}, apikey=PUBLISHABLE)
    assert (by_query["x-api-key"], by_query["?apikey"]) == (token("anon"), token("anon"))
    assert sent(declared, "realtime-v1-ws", {"apikey": SECRET})["x-api-key"] == token("service_role")
    assert sent(declared, "realtime-v1-ws", {}, apikey=token("anon"))["?apikey"] == token("anon")


def test_functions_learn_the_role_and_nobody_can_claim_it() -> None:
    declared = gateway(OWNED)
    forged = {"sb-api-key": token("service_role")}
    assert sent(declared, "functions-v1", {**forged, "apikey": PUBLISHABLE})["sb-api-key"] == token("anon")
    opaque = f"Bearer {SECOND}"
    assert sent(declared, "functions-v1", {"authorization": opaque})["sb-api-key"] == token("service_role")
    assert sent(declared, "functions-v1", {**forged, "apikey": "sb_secret_made_up"})["sb-api-key"] == ""
    assert "sb-api-key" not in sent(gateway({}), "functions-v1", forged)


def test_without_the_legacy_keys_only_opaque_ones_are_taken_and_the_project_uses_its_own() -> None:
    stack = rendered(OWNED, legacy_api_keys=False)
    declared = yaml.safe_load(stack.files["kong/kong.yml"].content)
    own = [CASE.secrets["gateway_publishable_key"], CASE.secrets["gateway_secret_key"]]
    assert keys_of(declared, "anon") == [own[0], PUBLISHABLE]
    assert keys_of(declared, "service_role") == [own[1], SECRET, SECOND]
    for service in ("rest-v1", "storage-v1", "functions-v1"):
        for role in ("anon", "service_role"):
            refused = sent(declared, service, {"apikey": token(role), "authorization": f"bearer {token(role)}"})
            assert refused["authorization"] == "", (service, role)
            assert sent(declared, service, {"authorization": USER})["authorization"] == USER
    assert f"SUPABASE_SERVICE_ROLE_KEY='{own[1]}'" in stack.files["env/functions.env"].content
    assert f"SUPABASE_SERVICE_KEY='{own[1]}'" in stack.files["env/studio.env"].content
    # Storage asks the data API itself, past the gateway.
    assert f"SERVICE_KEY='{token('service_role')}'" in stack.files["env/storage.env"].content


def test_services_are_told_the_opaque_keys() -> None:
    files = rendered(OWNED).files
    assert (
        f'SUPABASE_SECRET_KEYS=\'{{"default":"{SECRET}","second":"{SECOND}"}}\'' in files["env/functions.env"].content
    )
    assert f"SUPABASE_PUBLISHABLE_KEY='{PUBLISHABLE}'" in files["env/studio.env"].content


@pytest.mark.parametrize("key", ["", "sb_secret_short", "sb_secret_0123456789' or 'x", "legacy.jwt.key"])
def test_a_key_that_lua_could_not_hold_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(RenderError, match=r"the secret api_key\.secret\.bad must begin with") as refused:
        gateway({"api_key.secret.bad": key})
    assert not key or key not in str(refused.value)


def test_without_legacy_keys_the_projects_own_must_be_there() -> None:
    with pytest.raises(RenderError, match="gateway_publishable_key is missing"):
        gateway({"gateway_publishable_key": ""}, legacy_api_keys=False)
