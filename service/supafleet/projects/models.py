"""Tables of projects, what was seen of their services, and what they occupy on a Docker host."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from supafleet.db import JSON_TYPE, UtcDateTime, one_of, utc_now
from supafleet.hosts.models import DockerHost
from supafleet.organizations.models import LONGEST_NAME, Organization
from supafleet.projects.states import NAME_LENGTH, STORED_STATUSES, Desired, Observed, ServicePhase


class Project(SQLModel, table=True):
    """A project: what is wanted and what was seen are different columns."""

    __table_args__ = (
        one_of("status", STORED_STATUSES),
        one_of("desired_state", Desired),
        one_of("observed_state", Observed),
        # A removed project keeps its row for its runs but gives its name back at once.
        sa.Index(
            "uq_project_organization_id_name",
            "organization_id",
            "name",
            unique=True,
            sqlite_where=sa.text("removed_at IS NULL"),
            postgresql_where=sa.text("removed_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    ref: str = Field(unique=True, max_length=20)
    organization_id: int = Field(foreign_key="organization.id")
    host_id: int = Field(foreign_key="docker_host.id", index=True)
    name: str = Field(max_length=LONGEST_NAME)
    region: str = Field(max_length=64)
    release: str = Field(max_length=16)
    flavour: str = Field(max_length=16)
    size: str = Field(max_length=16)
    gateway_port: int
    subnet: str = Field(max_length=18)
    settings: dict[str, Any] = Field(default_factory=dict, sa_column=sa.Column(JSON_TYPE, nullable=False))
    desired_state: str = Field(max_length=16)
    desired_generation: int = Field(default=1)
    #: The generation that a run last tried to apply, be it in vain, and the one that was seen to be applied.
    attempted_generation: int = Field(default=0)
    applied_generation: int = Field(default=0)
    self_healing: bool = Field(default=True)
    #: Heals in a row, and the moment before which there is no next one.
    heals: int = Field(default=0)
    heal_after: datetime | None = Field(default=None, sa_type=UtcDateTime)
    status: str = Field(max_length=24)
    status_reason: str | None = Field(default=None)
    observed_state: str = Field(default=Observed.UNSEEN, max_length=16)
    observed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    updated_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    removed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


@dataclass(frozen=True)
class Placed:
    """A project, whose it is and where it is."""

    project: Project
    organization: Organization
    host: DockerHost


class Outline(NamedTuple):
    """What the official API tells of a project, as a row."""

    ref: str
    name: str
    region: str
    release: str
    created_at: datetime
    status: str
    observed_at: datetime | None
    organization_slug: str


class ProjectService(SQLModel, table=True):
    """What was last seen of one service of a project."""

    __tablename__ = "project_service"
    __table_args__ = (sa.UniqueConstraint("project_id", "name"), one_of("phase", ServicePhase))

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    name: str = Field(max_length=NAME_LENGTH)
    phase: str = Field(max_length=16)
    exit_code: int | None = Field(default=None)
    restart_count: int = Field(default=0)
    image: str | None = Field(default=None)
    observed_at: datetime = Field(sa_type=UtcDateTime)


class PortLease(SQLModel, table=True):
    """A host port that belongs to a project."""

    __tablename__ = "port_lease"
    __table_args__ = (sa.UniqueConstraint("host_id", "port"),)

    id: int | None = Field(default=None, primary_key=True)
    host_id: int = Field(foreign_key="docker_host.id")
    port: int
    project_id: int = Field(foreign_key="project.id", index=True)
    taken_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class SubnetLease(SQLModel, table=True):
    """A subnet of a Docker host that belongs to a project."""

    __tablename__ = "subnet_lease"
    __table_args__ = (sa.UniqueConstraint("host_id", "subnet"),)

    id: int | None = Field(default=None, primary_key=True)
    host_id: int = Field(foreign_key="docker_host.id")
    subnet: str = Field(max_length=18)
    project_id: int = Field(foreign_key="project.id", index=True)
    taken_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
