"""Every route x every role x own, other and no organization x good and bad tokens: who gets through, and who not."""

from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI, Response
from starlette.routing import Route

from supafleet.accounts import service as accounts
from supafleet.db import row_id, unit_of_work
from supafleet.deps import Requires, RequiresInBody
from supafleet.organizations import service as organizations
from supafleet.organizations.models import Membership, Role
from supafleet.permissions import OPERATING, PERSONAL, ROLES, Permission
from tests.integration.api.conftest import Api

#: Routes that anybody may use, and why.
PUBLIC = {
    "/openapi.json": "the same in every installation",
    "/docs": "shows the document",
    "/docs/oauth2-redirect": "part of the page that shows the document",
    "/redoc": "shows the document",
    "/healthz": "tells only that the process lives",
    "/readyz": "tells only that the service can work",
    "/status": "tells only whether the service can work",
    "/configcat/configuration-files/{key}/config_v5.json": "the same empty list of flags in every installation",
}
NOBODY = "Bearer sbp_" + "0" * 40


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


def api_routes(app: FastAPI) -> list[Any]:
    """Every route of the included routers, as this application has it."""
    included = [route for route in app.routes if not isinstance(route, Route)]
    routes = [route for router in included for route in router.effective_candidates()]
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
    with unit_of_work(api.engine) as session:
        organization_id = organizations.find_id(session, slug)
        for role in (*Role, None):
            name = role or "stranger"
            account = accounts.create_account(session, email=f"{name}@example.com", username=f"a {name}")
            token = accounts.generate_token()
            accounts.register_token(session, account, "walk", token)
            if role is None:
                organizations.create_organization(session, "Another", row_id(account))
            else:
                fields = {"organization_id": organization_id, "account_id": row_id(account), "role": role}
                session.add(Membership.model_validate(fields))
            callers.append(Caller(role, token))
    run_id = api.client.get("/fleet/runs").json()[0]["id"]
    return World({"ref": ref, "slug": slug, "run_id": run_id, "name": "local", "host": "local"}, callers)


@pytest.fixture
def gates(api: Api) -> FastAPI:
    """The application whose routes do nothing beyond their gates."""

    def nothing(**_: Any) -> Response:
        return Response(status_code=204)

    for route in api_routes(api.app):
        route.dependant.call = nothing
    return api.app


def test_every_route_names_its_permission(api: Api) -> None:
    assert {route.path for route in api.app.routes if isinstance(route, Route)} <= set(PUBLIC)
    unnamed = [f"{sorted(route.methods)} {route.path}" for route in api_routes(api.app) if not permissions_of(route)]
    assert unnamed == []


def test_nobody_gets_through_who_may_not(api: Api, world: World, gates: FastAPI) -> None:
    holes, combinations = [], 0
    for route in api_routes(gates):
        path = route.path.format_map(_Filled(world.names))
        for method in sorted(route.methods):
            for token in (None, NOBODY):
                headers = {"Authorization": token or ""}
                status = api.client.request(method, path, headers=headers).status_code
                combinations += 1
                if status != 401:
                    holes.append(f"{method} {route.path} with {token}: {status}")
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


def test_a_role_in_the_named_organization_decides_who_creates(api: Api, world: World) -> None:
    for caller in world.callers:
        headers = {"Authorization": f"Bearer {caller.token}"}
        body = api.body(name=f"By {caller.role} {caller.is_operator}")
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
