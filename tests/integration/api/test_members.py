"""Who belongs to an organization, who is invited, and its projects."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from supafleet.organizations.models import Role
from tests.integration.api.conftest import Api
from tests.integration.api.people import Person, add_person

ROLES = ["owner", "administrator", "developer", "read-only"]
OFFICIAL_STATUSES = [
    "INACTIVE",
    "ACTIVE_HEALTHY",
    "ACTIVE_UNHEALTHY",
    "COMING_UP",
    "UNKNOWN",
    "GOING_DOWN",
    "INIT_FAILED",
    "REMOVED",
    "RESTORING",
    "UPGRADING",
    "PAUSING",
    "RESTORE_FAILED",
    "RESTARTING",
    "PAUSE_FAILED",
    "RESIZING",
    "PROMOTING",
]


def owner_id(api: Api) -> str:
    return str(api.client.get("/v1/profile").json()["gotrue_id"])


def invite(api: Api, *wishes: dict[str, Any], headers: dict[str, str] | None = None) -> httpx.Response:
    body = {"data": [{"type": "organization_invitation", "attributes": wish} for wish in wishes]}
    return api.client.post(f"/v2/organizations/{api.organization}/members/invitations", json=body, headers=headers)


def assign(api: Api, user_id: str, headers: dict[str, str] | None = None, **attributes: Any) -> httpx.Response:
    body = {"data": {"type": "organization_member_role", "attributes": attributes}}
    path = f"/v2/organizations/{api.organization}/members/{user_id}/roles"
    return api.client.patch(path, json=body, headers=headers)


def remove(api: Api, user_id: str, headers: dict[str, str] | None = None) -> httpx.Response:
    return api.client.delete(f"/v2/organizations/{api.organization}/members/{user_id}", headers=headers)


def accept(api: Api, token: str, headers: dict[str, str]) -> httpx.Response:
    return api.client.post("/fleet/invitations/accept", json={"token": token}, headers=headers)


def roles(api: Api) -> dict[str, str]:
    listed = api.client.get(f"/v2/organizations/{api.organization}/members").json()["data"]
    return {one["attributes"]["username"]: one["attributes"]["roles"][0]["name"] for one in listed}


def test_an_organization_is_told_in_the_official_shape(api: Api) -> None:
    slug = api.organization
    assert api.client.get(f"/v1/organizations/{slug}").json() == {
        "id": slug,
        "name": "My organization",
        "plan": "free",
        "opt_in_tags": [],
        "allowed_release_channels": ["ga"],
    }
    assert api.client.get(f"/v1/organizations/{slug}/members").json() == [
        {
            "user_id": owner_id(api),
            "user_name": "owner",
            "email": "owner@localhost",
            "role_name": "Owner",
            "mfa_enabled": False,
            "avatar_url": None,
        }
    ]
    assert api.client.get(f"/v2/organizations/{slug}/roles").json() == {
        "data": [{"type": "organization_role", "attributes": {"name": name}} for name in ROLES]
    }
    assert api.client.get("/v1/organizations/%00").status_code == 404
    missing = api.client.get("/v1/organizations/nowhere")
    assert (missing.status_code, missing.json()) == (404, {"message": "Organization 'nowhere' does not exist."})


def test_members_come_page_by_page_in_both_directions(api: Api) -> None:
    for number in range(5):
        add_person(api, f"dev{number}", Role.DEVELOPER)
    path = f"/v2/organizations/{api.organization}/members?page[size]=4"
    first = api.client.get(path).json()
    assert first["data"][0] == {
        "type": "organization_member",
        "id": owner_id(api),
        "attributes": {
            "username": "owner",
            "primary_email": "owner@localhost",
            "mfa_enabled": False,
            "is_sso_user": False,
            "avatar_url": None,
            "roles": [{"name": "owner", "scope": "organization", "projects": []}],
        },
    }
    assert first["links"]["prev"] is None
    second = api.client.get(first["links"]["next"]).json()
    assert [len(page["data"]) for page in (first, second)] == [4, 2]
    assert second["links"]["next"] is None
    assert api.client.get(second["links"]["prev"]).json()["data"] == first["data"]
    found = api.client.get(f"{path}&filter[primary_email]=DEV3@example.com").json()["data"]
    assert [one["attributes"]["username"] for one in found] == ["dev3"]
    unknown = api.client.get(f"{path}&page[after]=00000000-0000-4000-8000-000000000000")
    assert unknown.status_code == 422
    assert unknown.json() == {"message": "page[after]: is not the id of a member in this list"}


def test_an_invited_person_joins_with_the_token(api: Api) -> None:
    ada = add_person(api, "ada")
    answer = invite(api, {"email": "ADA@example.com", "role": "developer"})
    assert answer.status_code == 201, answer.text
    attributes = answer.json()["data"][0]["attributes"]
    assert (attributes["email"], attributes["role"]) == ("ada@example.com", "developer")
    with api.engine.connect() as connection:
        assert attributes["token"] not in str(list(connection.execute(text("SELECT * FROM invitation"))))
    (pending,) = api.client.get(f"/fleet/organizations/{api.organization}/invitations").json()
    assert (pending["email"], pending["role"], "token" in pending) == ("ada@example.com", "developer", False)
    joined = accept(api, attributes["token"], ada.headers)
    assert joined.json() == {
        "organization_slug": api.organization,
        "organization_name": "My organization",
        "role": "developer",
    }
    assert roles(api) == {"owner": "owner", "ada": "developer"}
    assert accept(api, attributes["token"], ada.headers).status_code == 404, "it is used up"
    assert api.client.get(f"/fleet/organizations/{api.organization}/invitations").json() == []
    again = invite(api, {"email": "ada@example.com", "role": "owner"})
    assert (again.status_code, again.json()["message"]) == (
        409,
        "'ada@example.com' belongs to the organization already.",
    )


def test_an_invitation_lets_one_sign_up_where_that_is_closed(api: Api) -> None:
    token = invite(api, {"email": "ada@example.com", "role": "developer"}).json()["data"][0]["attributes"]["token"]
    account = {"email": "ada@example.com", "password": "analytical engine", "invitation_token": token}
    for change in ({"email": "eve@example.com"}, {"invitation_token": "nonsense"}):
        assert api.client.post("/platform/signup", json={**account, **change}).status_code == 403
    assert api.client.post("/platform/signup", json=account).status_code == 201
    signed_in = api.client.post("/auth/token?grant_type=password", json=account).json()
    ada = {"Authorization": f"Bearer {signed_in['access_token']}"}
    assert accept(api, token, ada).status_code == 200


@pytest.mark.parametrize("how", ["expired", "taken back", "replaced", "inviter left"])
def test_an_invitation_that_does_not_count_any_more(api: Api, how: str) -> None:
    ada, inviter = add_person(api, "ada"), add_person(api, "admin", Role.ADMINISTRATOR)
    wish = {"email": "ada@example.com", "role": "developer"}
    token = invite(api, wish, headers=inviter.headers).json()["data"][0]["attributes"]["token"]
    if how == "expired":
        with api.engine.execution_options(supafleet_writing=True).begin() as connection:
            connection.execute(text("UPDATE invitation SET expires_at = created_at"))
    elif how == "replaced":
        assert invite(api, wish).status_code == 201
    elif how == "inviter left":
        assert remove(api, inviter.gotrue_id).status_code == 200
    else:
        body = {"data": [{"type": "organization_invitation", "attributes": {"email": "Ada@example.com"}}]}
        path = f"/v2/organizations/{api.organization}/members/invitations"
        taken = api.client.request("DELETE", path, json=body)
        assert taken.json() == {
            "data": [{"type": "organization_invitation", "attributes": {"email": "ada@example.com"}}]
        }
        assert api.client.request("DELETE", path, json=body).status_code == 404
    answer = accept(api, token, ada.headers)
    assert answer.status_code == 404
    assert answer.json() == {"message": "The invitation does not exist, was taken back or used, or has expired."}


def test_an_invitation_is_for_one_mail_address(api: Api) -> None:
    eve = add_person(api, "eve")
    token = invite(api, {"email": "ada@example.com", "role": "owner"}).json()["data"][0]["attributes"]["token"]
    refused = accept(api, token, eve.headers)
    assert refused.status_code == 403
    assert refused.json() == {"message": "The invitation is for another mail address than that of this account."}


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"email": "ada", "role": "owner"}, "must be a mail address"),
        ({"email": "a@b.c", "role": "no-access"}, "role: must be owner, administrator, developer or read-only"),
        ({"email": "a@b.c", "role": "developer", "projects": [{"ref": "x" * 20}]}, "always of the whole organization"),
        ({"email": "a@b.c", "role": "developer", "require_sso": True}, "require_sso: must be False"),
    ],
)
def test_an_invitation_that_cannot_be(api: Api, wish: dict[str, Any], message: str) -> None:
    answer = invite(api, wish)
    assert answer.status_code == 422
    assert message in answer.json()["message"]


def test_all_are_invited_or_none(api: Api) -> None:
    wishes = [{"email": email, "role": "developer"} for email in ("new@example.com", "owner@localhost")]
    assert invite(api, *wishes).status_code == 409
    with api.engine.connect() as connection:
        assert list(connection.execute(text("SELECT * FROM invitation"))) == []


def test_only_owners_make_owners(api: Api) -> None:
    admin, ada = add_person(api, "admin", Role.ADMINISTRATOR), add_person(api, "ada", Role.DEVELOPER)
    refused = invite(api, {"email": "eve@example.com", "role": "owner"}, headers=admin.headers)
    assert (refused.status_code, refused.json()["message"]) == (403, "Only an owner may invite somebody as owner.")
    assert invite(api, {"email": "eve@example.com", "role": "developer"}, headers=admin.headers).status_code == 201
    for role in ("owner", "developer"):
        assert assign(api, admin.gotrue_id, admin.headers, role=role).status_code == 403
    assert remove(api, ada.gotrue_id, admin.headers).status_code == 403
    made = assign(api, ada.gotrue_id, role="owner")
    assert made.json() == {
        "data": {
            "type": "organization_member_role",
            "attributes": {"name": "owner", "scope": "organization", "projects": []},
        }
    }
    assert assign(api, admin.gotrue_id, ada.headers, role="read-only").status_code == 200
    assert roles(api) == {"owner": "owner", "admin": "read-only", "ada": "owner"}


def test_the_last_owner_stays(api: Api) -> None:
    first, ada = owner_id(api), add_person(api, "ada", Role.ADMINISTRATOR)
    sentence = "The last owner of an organization cannot be {}: make another member an owner first."
    left, demoted = remove(api, first), assign(api, first, role="developer")
    assert (left.status_code, left.json()["message"]) == (409, sentence.format("removed"))
    assert (demoted.status_code, demoted.json()["message"]) == (409, sentence.format("given another role"))
    assert assign(api, first, role="owner").status_code == 200
    assign(api, ada.gotrue_id, role="owner")
    gone = remove(api, first)
    assert (gone.status_code, gone.content, "content-type" in gone.headers) == (200, b"", False)
    assert api.client.get("/v1/organizations").json() == []
    assert remove(api_of(api, ada), ada.gotrue_id).status_code == 409


def test_whoever_wishes_leaves_but_the_last_owner(api: Api) -> None:
    path = f"/fleet/organizations/{api.organization}/leave"
    for role in (Role.READ_ONLY, Role.OWNER):
        leaving = add_person(api, f"another-{role}", role)
        assert f"another-{role}" in roles(api)
        assert api.client.post(path, headers=leaving.headers).status_code == 204
        assert f"another-{role}" not in roles(api)
        assert api.client.post(path, headers=leaving.headers).status_code == 403
    assert api.client.post(path).status_code == 409
    assert roles(api) == {"owner": "owner"}


def api_of(api: Api, someone: Person) -> Api:
    """The API as somebody else sees it."""
    api.client.headers.update(someone.headers)
    return api


def test_who_is_no_member_cannot_be_changed(api: Api) -> None:
    stranger = add_person(api, "stranger")
    assert remove(api, stranger.gotrue_id).status_code == 404
    assert assign(api, stranger.gotrue_id, role="developer").status_code == 404
    assert remove(api, "nonsense").status_code == 422
    scoped = assign(api, owner_id(api), role="owner", projects=[{"ref": "x" * 20}])
    assert scoped.status_code == 422
    assert "a role is always of the whole organization here; leave it out" in scoped.json()["message"]


def test_projects_are_found_sorted_and_paged(api: Api) -> None:
    refs = {name: api.create(name=name)["ref"] for name in ("beta", "Alpha", "gamma 100%", "gamma 1000")}
    path = f"/v1/organizations/{api.organization}/projects"

    def names(**query: Any) -> list[str]:
        answer = api.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return [one["name"] for one in answer.json()["projects"]]

    assert names() == ["Alpha", "beta", "gamma 100%", "gamma 1000"]
    assert names(sort="name_desc")[0] == "gamma 1000"
    assert names(sort="created_asc") == list(refs)
    assert names(sort="created_desc", limit=1) == ["gamma 1000"]
    assert names(search="100%") == ["gamma 100%"]
    assert names(search="ALPHA") == ["Alpha"]
    assert names(search=refs["beta"][3:15]) == ["beta"]
    assert names(statuses="COMING_UP,INACTIVE") == names()
    assert names(statuses="INACTIVE") == []
    for status in OFFICIAL_STATUSES:
        assert names(statuses=status) == (names() if status == "COMING_UP" else []), status
    page = api.client.get(path, params={"offset": 3, "limit": 2, "sort": "created_asc"}).json()
    assert page["pagination"] == {"count": 4, "limit": 2, "offset": 3}
    (project,) = page["projects"]
    assert project.pop("inserted_at")
    assert project == {
        "ref": refs["gamma 1000"],
        "name": "gamma 1000",
        "cloud_provider": "SELF_HOSTED",
        "region": project["region"],
        "is_branch": False,
        "status": "COMING_UP",
        "databases": [
            {
                "infra_compute_size": "micro",
                "region": project["region"],
                "status": "COMING_UP",
                "cloud_provider": "SELF_HOSTED",
                "identifier": refs["gamma 1000"],
                "type": "PRIMARY",
            }
        ],
    }
    for query in (
        {"search": "a\x00b"},
        {"limit": 0},
        {"limit": 101},
        {"offset": -1},
        {"sort": "size"},
        {"statuses": "SLEEPING"},
    ):
        refused = api.client.get(path, params=query)
        assert refused.status_code == 422
        assert refused.json()["message"].startswith(f"{next(iter(query))}: ")
