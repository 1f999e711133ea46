"""Shapes of organizations in the API."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel

from supafleet.organizations.models import LONGEST_NAME


def check_name(value: str) -> str:
    """A name of one line; it is stored and shown literally, never interpreted."""
    if not value.strip() or len(value) > LONGEST_NAME or not value.isprintable():
        raise ValueError(f"must be 1 to {LONGEST_NAME} printable characters on one line")
    return value


DisplayName = Annotated[str, AfterValidator(check_name)]


class OrganizationCreate(BaseModel):
    """A new organization."""

    name: DisplayName


class OrganizationResponse(BaseModel):
    """An organization; its id is its slug."""

    id: str
    slug: str
    name: str


class OrganizationDetail(BaseModel):
    """An organization in full; its id is its slug."""

    id: str
    name: str
    plan: Literal["free"] = "free"
    opt_in_tags: list[str] = []
    allowed_release_channels: list[str] = ["ga"]


class MemberResponse(BaseModel):
    """Somebody who belongs to the organization."""

    user_id: str
    user_name: str
    email: str
    role_name: str
    mfa_enabled: Literal[False] = False
    avatar_url: None = None
