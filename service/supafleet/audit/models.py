"""Table of changes: one row for each, also for those that were refused."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from supafleet.db import JSON_TYPE, UtcDateTime, one_of, utc_now


class Outcome(StrEnum):
    """How a change ended."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class AuditEntry(SQLModel, table=True):
    """One change that somebody asked for; what was in the request's body is never kept."""

    __tablename__ = "audit_entry"
    __table_args__ = (one_of("outcome", Outcome), sa.Index(None, "organization_id", "id"))

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(default_factory=utc_now, index=True, sa_type=UtcDateTime)
    account_id: int | None = Field(default=None, foreign_key="account.id")
    #: The account's name at that time.
    actor: str | None = Field(default=None, max_length=64)
    operation: str = Field(max_length=128)
    #: What the request's path named, and what the change made or was made for.
    target: dict[str, Any] = Field(default_factory=dict, sa_column=sa.Column(JSON_TYPE, nullable=False))
    organization_id: int | None = Field(default=None, foreign_key="organization.id")
    address: str | None = Field(default=None, max_length=64)
    status: int
    outcome: str = Field(max_length=8)
    #: Id of the request in the service's log.
    request_id: str | None = Field(default=None, max_length=32)
