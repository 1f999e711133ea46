"""Tables of organizations and who belongs to them."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from supafleet.db import UtcDateTime, one_of, utc_now


class Role(StrEnum):
    """What a member may do."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    DEVELOPER = "developer"
    READ_ONLY = "read_only"


class Organization(SQLModel, table=True):
    """An owner of projects; clients know it by its slug alone."""

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True, max_length=20)
    name: str = Field(max_length=64)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Membership(SQLModel, table=True):
    """An account in an organization."""

    __table_args__ = (sa.UniqueConstraint("organization_id", "account_id"), one_of("role", Role))

    id: int | None = Field(default=None, primary_key=True)
    organization_id: int = Field(foreign_key="organization.id")
    account_id: int = Field(foreign_key="account.id", index=True)
    role: str = Field(max_length=16)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
