"""Tables of organizations, who belongs to them, and who is invited."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from supafleet.db import UtcDateTime, one_of, utc_now

#: Characters of the name of an organization or a project, as many as the official API takes.
LONGEST_NAME = 256


class Role(StrEnum):
    """What a member may do."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    DEVELOPER = "developer"
    READ_ONLY = "read_only"


@dataclass(frozen=True)
class Place:
    """Where an account stands: an organization, and its role there, None when it does not belong to it."""

    organization_id: int
    role: Role | None

    @classmethod
    def of(cls, row: Sequence[Any] | None) -> Self | None:
        """The place that a row of an organization's id and a membership's role makes; None without an organization."""
        if row is None or row[0] is None:
            return None
        return cls(row[0], None if row[1] is None else Role(row[1]))


class Organization(SQLModel, table=True):
    """An owner of projects; clients know it by its slug alone."""

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True, max_length=20)
    name: str = Field(max_length=LONGEST_NAME)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Membership(SQLModel, table=True):
    """An account in an organization."""

    __table_args__ = (sa.UniqueConstraint("organization_id", "account_id"), one_of("role", Role))

    id: int | None = Field(default=None, primary_key=True)
    organization_id: int = Field(foreign_key="organization.id")
    account_id: int = Field(foreign_key="account.id", index=True)
    role: str = Field(max_length=16)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class Invitation(SQLModel, table=True):
    """A role that waits for the person with this mail address; only the hash of its token is kept."""

    __table_args__ = (sa.UniqueConstraint("organization_id", "email"), one_of("role", Role))

    id: int | None = Field(default=None, primary_key=True)
    organization_id: int = Field(foreign_key="organization.id")
    email: str = Field(max_length=320)
    role: str = Field(max_length=16)
    token_hash: str = Field(unique=True, max_length=64)
    invited_by: int = Field(foreign_key="account.id", index=True)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
