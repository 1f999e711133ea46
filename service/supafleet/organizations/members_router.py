"""`/v2/organizations/{slug}/members`, roles and invitations, and `/fleet/invitations`."""

from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Path, Query, Request, Response, status
from sqlmodel import Session

from supafleet import access
from supafleet.accounts.service import Actor
from supafleet.answers import empty
from supafleet.db import SessionDep, row_id
from supafleet.deps import CurrentActor, needs
from supafleet.errors import InvalidField, responses
from supafleet.organizations import invitations, members, service
from supafleet.organizations.member_schemas import (
    AssignedRole,
    AssignedRoleResource,
    EmailAttributes,
    EmailResource,
    InvitationAccept,
    InvitationAccepted,
    InvitationCreate,
    InvitationDelete,
    InvitationDeleted,
    InvitedAttributes,
    InvitedList,
    InvitedResource,
    MemberAttributes,
    MemberPage,
    MemberResource,
    PageLinks,
    PendingInvitation,
    RoleAssignment,
    RoleAttributes,
    RoleList,
    RoleNameAttributes,
    RoleResource,
    role_name,
)
from supafleet.organizations.members import Member
from supafleet.organizations.models import Role
from supafleet.permissions import Permission
from supafleet.routing import Router

router = Router(tags=["Members"])

_ORGANIZATION = "/v2/organizations/{slug}"
Slug = Annotated[str, Path(description="Slug of the organization.")]
UserId = Annotated[UUID, Path(description="Id of the member's account.")]


@router.get(
    f"{_ORGANIZATION}/members",
    operation_id="v2-list-organization-members",
    responses=responses(401, 403, 404, 422),
    dependencies=needs(Permission.MEMBERS_READ),
)
def list_members(
    slug: Slug,
    request: Request,
    actor: CurrentActor,
    session: SessionDep,
    size: Annotated[int, Query(alias="page[size]", ge=1, le=100)] = 100,
    after: Annotated[UUID | None, Query(alias="page[after]", description="Id of the last member of a page.")] = None,
    before: Annotated[UUID | None, Query(alias="page[before]", description="Id of the first one of a page.")] = None,
    username: Annotated[str | None, Query(alias="filter[username]")] = None,
    primary_email: Annotated[str | None, Query(alias="filter[primary_email]")] = None,
) -> MemberPage:
    """List who belongs to an organization, page by page."""
    everybody = members.list_members(session, row_id(service.get_organization(session, slug, actor)))
    found = [
        member
        for member in everybody
        if username in (None, member.username)
        and (primary_email is None or primary_email.lower() == member.email.lower())
    ]
    begin, end = 0, size
    if after is not None:
        begin = _place(found, "page[after]", after) + 1
        end = begin + size
    elif before is not None:
        end = _place(found, "page[before]", before)
        begin = max(0, end - size)
    page = found[begin:end]
    filters = {"filter[username]": username, "filter[primary_email]": primary_email}

    def link(**cursor: str) -> str:
        query = {name: value for name, value in filters.items() if value is not None}
        query |= {"page[size]": str(size), **{f"page[{name}]": value for name, value in cursor.items()}}
        return f"{request.url.path}?{urlencode(query)}"

    links = PageLinks(
        first=link(),
        prev=link(before=page[0].gotrue_id) if page and begin > 0 else None,
        next=link(after=page[-1].gotrue_id) if page and end < len(found) else None,
    )
    return MemberPage(data=[_member(member) for member in page], links=links)


@router.get(
    f"{_ORGANIZATION}/roles",
    operation_id="v2-list-organization-roles",
    responses=responses(401, 403, 404),
    dependencies=needs(Permission.MEMBERS_READ),
)
def list_roles(slug: Slug) -> RoleList:  # noqa: ARG001 - the permission is about it
    """List the roles that members can have."""
    return RoleList(data=[RoleResource(attributes=RoleNameAttributes(name=role_name(role))) for role in Role])


@router.post(
    f"{_ORGANIZATION}/members/invitations",
    operation_id="v2-create-organization-invitations",
    status_code=status.HTTP_201_CREATED,
    responses=responses(401, 403, 404, 409, 422),
    dependencies=needs(Permission.MEMBERS_WRITE),
)
def create_invitations(
    slug: Slug, body: InvitationCreate, actor: CurrentActor, session: SessionDep, response: Response
) -> InvitedList:
    """Invite people. The answer holds a token for each, once: no mail is sent, the inviter passes it on."""
    organization_id = _locked(session, slug, actor, Permission.MEMBERS_WRITE)
    wishes = [(one.attributes.email, one.attributes.wanted) for one in body.data]
    invited = invitations.invite(session, organization_id, actor, wishes)
    response.headers["Cache-Control"] = "no-store"
    return InvitedList(
        data=[
            InvitedResource(
                attributes=InvitedAttributes(
                    email=one.email, role=role_name(one.role), token=one.token, expires_at=one.expires_at
                )
            )
            for one in invited
        ]
    )


@router.delete(
    f"{_ORGANIZATION}/members/invitations",
    operation_id="v2-delete-organization-invitations",
    responses=responses(401, 403, 404, 422),
    dependencies=needs(Permission.MEMBERS_WRITE),
)
def delete_invitations(
    slug: Slug, body: InvitationDelete, actor: CurrentActor, session: SessionDep
) -> InvitationDeleted:
    """Take invitations back by mail address."""
    organization_id = _locked(session, slug, actor, Permission.MEMBERS_WRITE)
    taken = invitations.take_back(session, organization_id, [one.attributes.email for one in body.data])
    return InvitationDeleted(
        data=[EmailResource(type="organization_invitation", attributes=EmailAttributes(email=email)) for email in taken]
    )


@router.delete(
    f"{_ORGANIZATION}/members/{{user_id}}",
    operation_id="v2-remove-organization-members",
    response_class=Response,
    responses=responses(401, 403, 404, 409, 422),
    dependencies=needs(Permission.ORGANIZATION_ADMIN_WRITE),
)
def remove_member(slug: Slug, user_id: UserId, actor: CurrentActor, session: SessionDep) -> Response:
    """Remove a member; the last owner stays."""
    members.remove_member(session, _locked(session, slug, actor, Permission.ORGANIZATION_ADMIN_WRITE), str(user_id))
    return empty()


@router.patch(
    f"{_ORGANIZATION}/members/{{user_id}}/roles",
    operation_id="v2-assign-organization-member-role",
    responses=responses(401, 403, 404, 409, 422),
    dependencies=needs(Permission.ORGANIZATION_ADMIN_WRITE),
)
def assign_role(
    slug: Slug, user_id: UserId, body: RoleAssignment, actor: CurrentActor, session: SessionDep
) -> AssignedRole:
    """Give a member another role; the last owner stays one."""
    organization_id = _locked(session, slug, actor, Permission.ORGANIZATION_ADMIN_WRITE)
    member = members.assign_role(session, organization_id, str(user_id), body.data.attributes.wanted)
    return AssignedRole(data=AssignedRoleResource(attributes=RoleAttributes(name=role_name(member.role))))


@router.post(
    "/fleet/organizations/{slug}/leave",
    operation_id="fleet-leave-organization",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=responses(401, 403, 404, 409),
    dependencies=needs(Permission.ORGANIZATION_ADMIN_READ),
)
def leave_organization(slug: Slug, actor: CurrentActor, session: SessionDep) -> None:
    """Belong to an organization no more; its last owner stays."""
    members.remove_member(session, row_id(service.get_organization(session, slug, actor)), actor.gotrue_id)


@router.get(
    "/fleet/organizations/{slug}/invitations",
    operation_id="fleet-list-invitations",
    responses=responses(401, 403, 404),
    dependencies=needs(Permission.MEMBERS_READ),
)
def list_invitations(slug: Slug, actor: CurrentActor, session: SessionDep) -> list[PendingInvitation]:
    """List the invitations that nobody has accepted yet."""
    organization = service.get_organization(session, slug, actor)
    return [
        PendingInvitation(
            email=row.email, role=role_name(Role(row.role)), created_at=row.created_at, expires_at=row.expires_at
        )
        for row in invitations.list_pending(session, row_id(organization))
    ]


@router.post(
    "/fleet/invitations/accept",
    operation_id="fleet-accept-invitation",
    responses=responses(401, 403, 404, 409, 422),
    dependencies=needs(Permission.PROFILE_WRITE),
)
def accept_invitation(body: InvitationAccept, actor: CurrentActor, session: SessionDep) -> InvitationAccepted:
    """Accept an invitation for the account's mail address."""
    organization, role = invitations.accept(session, body.token.get_secret_value(), actor)
    return InvitationAccepted(
        organization_slug=organization.slug, organization_name=organization.name, role=role_name(role)
    )


def _locked(session: Session, slug: str, actor: Actor, permission: Permission) -> int:
    """Id of the organization, whose roles stay as they are until the change is stored.

    The gate asked before the transaction: a role that was taken away meanwhile must give nobody anything lasting.
    """
    organization_id = row_id(service.get_organization(session, slug, actor))
    service.lock_organization(session, organization_id)
    access.require(session, organization_id, actor, permission)
    return organization_id


def _place(found: list[Member], name: str, user_id: UUID) -> int:
    for place, member in enumerate(found):
        if member.gotrue_id == str(user_id):
            return place
    raise InvalidField(name, "is not the id of a member in this list")


def _member(member: Member) -> MemberResource:
    attributes = MemberAttributes(
        username=member.username,
        primary_email=member.email,
        roles=[RoleAttributes(name=role_name(member.role))],
    )
    return MemberResource(id=member.gotrue_id, attributes=attributes)
