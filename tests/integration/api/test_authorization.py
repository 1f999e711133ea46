"""Every route x every role x own, other and no organization x good and bad tokens: who gets through, and who not."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI, Response
from fastapi.routing import APIRoute
from sqlmodel import Session
from starlette.routing import Route

from supafleet.accounts import service as accounts
from supafleet.accounts.models import Account, SignInSession
from supafleet.accounts.signing import LIFETIME, Claims, TokenSigner
from supafleet.db import row_id, unit_of_work, utc_now
from supafleet.deps import Requires, RequiresInBody
from supafleet.organizations.models import Role
from supafleet.permissions import OPERATING, PERSONAL, ROLES, Permission
from tests.integration.api.conftest import Api
from tests.integration.api.people import add_person, add_stranger

#: Routes that anybody may use, and why.
PUBLIC = {
    "/openapi.json": "the same in every installation",
    "/docs": "shows the document",
    "/docs/oauth2-redirect": "part of the page that shows the document",
    "/redoc": "shows the document",
    "/healthz": "tells only that the process lives",
    "/readyz": "tells only that the service can work",
    "/auth/token": "gives tokens for a password",
    "/platform/signup": "makes the account that tokens are of",
    "/": "the same in every installation",
    "/status": "tells only whether the service can work",
    "/configcat/configuration-files/{key}/config_v5.json": "the same empty list of flags in every installation",
}


@dataclass(frozen=True)
class Caller:
    """Somebody with a token: the role in the organization of the project, None for somebody of another one."""

    role: Role | None
    token: str
    is_operator: bool = False


@dataclass(frozen=True)
class World:
    """A project with a run, and everybody who may ask for something of it."""

    names: dict[str, str]
    callers: list[Caller]
    #: Tokens that are worth nothing, by what is wrong with them.
    worthless: dict[str, str]


def api_routes(app: FastAPI) -> list[Any]:
    """Every route of the API, but those that are anybody's."""
    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    assert routes
    return [route for route in routes if route.path not in PUBLIC]


def permissions_of(route: Any) -> list[Permission]:
    gates = [one.call for one in route.dependant.dependencies if isinstance(one.call, Requires)]
    return [gate.permission for gate in gates]


def is_named_in_body(route: Any) -> bool:
    return any(isinstance(one.call, RequiresInBody) for one in route.dependant.dependencies)


def may_pass(caller: Caller, permission: Permission) -> bool:
    if permission in PERSONAL:
        return True
    if permission in OPERATING:
        return caller.is_operator
    return caller.role is not None and permission in ROLES[caller.role]


@pytest.fixture
def world(api: Api) -> World:
    ref = api.create()["ref"]
    slug = api.organization
    callers = [Caller(Role.OWNER, api.client.headers["Authorization"].removeprefix("Bearer "), is_operator=True)]
    for role in Role:
        person = add_person(api, f"another-{role}", role)
        callers.append(Caller(role, person.token))
        with unit_of_work(api.engine) as session:
            if role == Role.ADMINISTRATOR:
                callers.append(Caller(role, signed_in(session, api, person.account)))
            if role == Role.OWNER:
                worthless = worthless_tokens(session, api, person.account)
    callers.append(Caller(None, add_stranger(api).token))
    run_id = api.client.get("/fleet/runs").json()[0]["id"]
    return World({"ref": ref, "slug": slug, "run_id": run_id, "name": "local", "host": "local"}, callers, worthless)


def signed_in(
    session: Session, api: Api, account: Account, *, ago: timedelta = timedelta(0), ended: bool = False
) -> str:
    """The access token of a sign-in that began some time ago."""
    began = utc_now() - ago
    fields = {"id": str(uuid.uuid4()), "account_id": row_id(account), "created_at": began}
    row = SignInSession.model_validate({**fields, "expires_at": began + timedelta(days=1)})
    row.ended_at = utc_now() if ended else None
    session.add(row)
    session.flush()
    signer: TokenSigner = api.app.state.signer
    return signer.sign(Claims(account.gotrue_id, row.id), began)


def worthless_tokens(session: Session, api: Api, account: Account) -> dict[str, str]:
    """Tokens of an owner that may do everything, and that no longer count or never did."""
    tokens = {"a token that nobody has": "sbp_" + "0" * 40, "nonsense": "nonsense"}
    for what in ("an expired token", "a revoked token"):
        tokens[what] = accounts.generate_token()
        row = accounts.register_token(session, account, what, tokens[what])
        row.expires_at = utc_now() if "expired" in what else None
        row.revoked_at = utc_now() if "revoked" in what else None
        session.add(row)
    tokens["an expired sign-in"] = signed_in(session, api, account, ago=LIFETIME)
    tokens["an ended sign-in"] = signed_in(session, api, account, ended=True)
    forger = TokenSigner("a key that is not that of the installation", api.settings.resolved_installation)
    tokens["a forged sign-in"] = forger.sign(Claims(account.gotrue_id, str(uuid.uuid4())), utc_now())
    return tokens


@pytest.fixture
def gates(api: Api, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    """The application whose routes do nothing beyond their gates."""

    async def nothing(**_: Any) -> Response:
        return Response(status_code=204)

    for route in api_routes(api.app):
        monkeypatch.setattr(route.dependant, "call", nothing)
    return api.app


def test_every_route_names_its_permission(api: Api) -> None:
    others = [route for route in api.app.routes if isinstance(route, Route) and not isinstance(route, APIRoute)]
    assert {route.path for route in others} <= set(PUBLIC)
    unnamed = [f"{sorted(route.methods)} {route.path}" for route in api_routes(api.app) if not permissions_of(route)]
    assert unnamed == []


def test_nobody_gets_through_who_may_not(api: Api, world: World, gates: FastAPI) -> None:
    # Behind the gates stands nothing: what comes from there is no operation's answer.
    api.client.event_hooks = {}
    holes, combinations = [], 0
    for route in api_routes(gates):
        path = route.path.format_map(_Filled(world.names))
        for method in sorted(route.methods):
            for what, token in {"no token": None, **world.worthless}.items():
                headers = {"Authorization": "" if token is None else f"Bearer {token}"}
                status = api.client.request(method, path, headers=headers).status_code
                combinations += 1
                if status != 401:
                    holes.append(f"{method} {route.path} with {what}: {status}")
            for caller in world.callers:
                headers = {"Authorization": f"Bearer {caller.token}"}
                status = api.client.request(method, path, headers=headers).status_code
                is_through = status not in (401, 403, 404)
                is_allowed = is_named_in_body(route) or all(may_pass(caller, one) for one in permissions_of(route))
                combinations += 1
                if is_through != is_allowed:
                    holes.append(f"{method} {route.path} as {caller.role}: {status}, allowed: {is_allowed}")
    print(f"{combinations} combinations of {len(api_routes(gates))} routes")
    assert combinations > 200
    assert holes == []


#: What a member who may only read may send other than a question, and why it changes nothing of the organization.
OF_READERS = {
    ("POST", "/v1/projects/{ref}/database/query"): "refused by its handler unless the query is a read-only one",
    ("POST", "/v1/projects/{ref}/database/query/read-only"): "runs as a role that cannot write",
    ("POST", "/platform/pg-meta/{ref}/query"): "runs as a role that cannot write",
    ("POST", "/fleet/organizations/{slug}/leave"): "takes away nobody's place but the member's own",
    ("POST", "/v1/projects/{ref}/network-bans/retrieve"): "only tells",
    ("POST", "/v1/projects/{ref}/network-bans/retrieve/enriched"): "only tells",
}


def test_a_reader_changes_nothing_by_any_route(api: Api) -> None:
    may = ROLES[Role.READ_ONLY] | PERSONAL
    open_to_readers = {
        (method, route.path)
        for route in api_routes(api.app)
        if route.include_in_schema and not is_named_in_body(route) and not set(permissions_of(route)) <= PERSONAL
        for method in route.methods - {"GET", "HEAD"}
        if set(permissions_of(route)) <= may
    }
    assert open_to_readers == set(OF_READERS)


def test_a_role_in_the_named_organization_decides_who_creates(api: Api, world: World) -> None:
    for number, caller in enumerate(world.callers):
        headers = {"Authorization": f"Bearer {caller.token}"}
        body = api.body(name=f"Number {number}")
        status = api.client.post("/v1/projects", json=body, headers=headers).status_code
        may = caller.role is not None and Permission.ORGANIZATION_PROJECTS_CREATE in ROLES[caller.role]
        assert status == (201 if may else 403), caller


def test_lists_show_what_is_ones_own(api: Api, world: World) -> None:
    stranger = next(caller for caller in world.callers if caller.role is None)
    headers = {"Authorization": f"Bearer {stranger.token}"}
    for path in ("/v1/projects", "/fleet/projects", "/fleet/runs"):
        assert api.client.get(path, headers=headers).json() == [], path
        assert len(api.client.get(path).json()) == 1, path


def test_a_reader_sees_no_secret_key(api: Api, world: World) -> None:
    reader = next(caller for caller in world.callers if caller.role == Role.READ_ONLY)
    headers = {"Authorization": f"Bearer {reader.token}"}
    path = f"/v1/projects/{world.names['ref']}/api-keys"
    refused = api.client.get(path, params={"reveal": "true"}, headers=headers)
    assert refused.status_code == 403
    assert refused.json() == {
        "message": "The role read-only may not do this (api_gateway_keys_secret_read): "
        "it takes owner, administrator or developer."
    }
    assert api.client.get(path, headers=headers).status_code == 200


class _Filled(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "x" * 20
