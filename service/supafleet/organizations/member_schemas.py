"""Shapes of members, roles and invitations in `/v2`."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator

from supafleet.accounts.schemas import Email
from supafleet.errors import allowed
from supafleet.organizations.models import Role

MOST_INVITATIONS = 50
MOST_TAKEN_BACK = 100


def role_name(role: Role) -> str:
    """The official name of a role."""
    return role.replace("_", "-")


_ROLES = {role_name(role): role for role in Role}


def _check_role(value: str) -> str:
    if value not in _ROLES:
        raise ValueError(f"must be {allowed(_ROLES)}")
    return value


RoleName = Annotated[str, AfterValidator(_check_role)]


class ProjectScope(BaseModel):
    """A project, by its ref and name."""

    ref: str
    name: str


class RoleAttributes(BaseModel):
    """A role of a member; it is always of the whole organization."""

    name: str
    scope: Literal["organization"] = "organization"
    projects: list[ProjectScope] = []


class MemberAttributes(BaseModel):
    """What is told of a member."""

    username: str
    primary_email: str
    mfa_enabled: Literal[False] = False
    is_sso_user: Literal[False] = False
    avatar_url: None = None
    roles: list[RoleAttributes]


class MemberResource(BaseModel):
    """A member."""

    type: Literal["organization_member"] = "organization_member"
    id: str
    attributes: MemberAttributes


class PageLinks(BaseModel):
    """Where other pages are, as paths."""

    first: str | None
    prev: str | None
    next: str | None


class MemberPage(BaseModel):
    """Members, in the order of joining."""

    data: list[MemberResource]
    links: PageLinks


class RoleNameAttributes(BaseModel):
    """The name of a role."""

    name: str


class RoleResource(BaseModel):
    """A role that members can have."""

    type: Literal["organization_role"] = "organization_role"
    attributes: RoleNameAttributes


class RoleList(BaseModel):
    """The roles that members can have."""

    data: list[RoleResource]


class RoleWish(BaseModel):
    """A role for somebody, of the whole organization."""

    role: RoleName
    projects: list[Any] | None = Field(default=None, description="Not available: a role is of the whole organization.")

    @model_validator(mode="after")
    def _refuse_projects(self) -> Self:
        if self.projects is not None:
            raise ValueError("projects: a role is always of the whole organization here; leave it out")
        return self

    @property
    def wanted(self) -> Role:
        """The role."""
        return _ROLES[self.role]


class RoleAssignmentResource(BaseModel):
    """Another role for a member."""

    type: Literal["organization_member_role"]
    attributes: RoleWish


class RoleAssignment(BaseModel):
    """Another role for a member."""

    data: RoleAssignmentResource


class AssignedRoleResource(BaseModel):
    """The role that a member has now."""

    type: Literal["organization_member_role"] = "organization_member_role"
    attributes: RoleAttributes


class AssignedRole(BaseModel):
    """The role that a member has now."""

    data: AssignedRoleResource


class InvitationWish(RoleWish):
    """Somebody to invite."""

    email: Email
    require_sso: Literal[False] | None = Field(default=None, description="Not available.")


class InvitationWishResource(BaseModel):
    """Somebody to invite."""

    type: Literal["organization_invitation"]
    attributes: InvitationWish


class InvitationCreate(BaseModel):
    """People to invite."""

    data: list[InvitationWishResource] = Field(min_length=1, max_length=MOST_INVITATIONS)


class InvitedAttributes(BaseModel):
    """An invitation, and the token that its receiver accepts it with; it is told this one time."""

    email: str
    role: str
    token: str
    expires_at: datetime


class InvitedResource(BaseModel):
    """An invitation that was made."""

    type: Literal["organization_invitation"] = "organization_invitation"
    attributes: InvitedAttributes


class InvitedList(BaseModel):
    """The invitations that were made. No mail is sent: the inviter passes the tokens on."""

    data: list[InvitedResource]


class PendingInvitation(BaseModel):
    """An invitation that nobody has accepted yet."""

    email: str
    role: str
    created_at: datetime
    expires_at: datetime


class EmailAttributes(BaseModel):
    """Whose invitation."""

    email: Email


class EmailResource(BaseModel):
    """Whose invitation."""

    type: Literal["organization_invitation"]
    attributes: EmailAttributes


class InvitationDelete(BaseModel):
    """Invitations to take back."""

    data: list[EmailResource] = Field(min_length=1, max_length=MOST_TAKEN_BACK)


class InvitationDeleted(BaseModel):
    """Invitations that were taken back."""

    data: list[EmailResource]


class InvitationAccept(BaseModel):
    """An invitation to accept."""

    token: SecretStr = Field(max_length=256, description="The token that the inviter was given.")


class InvitationAccepted(BaseModel):
    """Where the account belongs now."""

    organization_slug: str
    organization_name: str
    role: str
