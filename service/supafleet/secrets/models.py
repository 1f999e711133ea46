"""Tables of the secrets of projects and of the installation, each value encrypted."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from supafleet.db import UtcDateTime, utc_now


class ProjectSecret(SQLModel, table=True):
    """One secret of one project."""

    __tablename__ = "project_secret"
    __table_args__ = (sa.UniqueConstraint("project_id", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    name: str = Field(max_length=128)
    ciphertext: str
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class InstallationSecret(SQLModel, table=True):
    """One secret of the installation itself, the same for all its machines."""

    __tablename__ = "installation_secret"

    name: str = Field(primary_key=True, max_length=64)
    ciphertext: str
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
