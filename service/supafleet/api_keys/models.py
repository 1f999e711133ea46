"""Table of the keys that owners make; the keys themselves stand, encrypted, among the project's secrets."""

from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from supafleet.db import UtcDateTime, one_of, utc_now

KINDS = ("publishable", "secret")


class ApiKey(SQLModel, table=True):
    """What is told of one key."""

    __tablename__ = "api_key"
    __table_args__ = (sa.UniqueConstraint("project_id", "kind", "name"), one_of("kind", KINDS))

    id: str = Field(default_factory=lambda: str(uuid4()), primary_key=True, max_length=36)
    project_id: int = Field(foreign_key="project.id")
    kind: str = Field(max_length=16)
    name: str = Field(max_length=64)
    description: str | None = Field(default=None)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
