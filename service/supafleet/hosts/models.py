"""Table of Docker hosts."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from supafleet.db import JSON_TYPE, UtcDateTime, one_of, utc_now


class Connection(StrEnum):
    """How Ansible reaches a Docker host."""

    LOCAL = "local"
    SSH = "ssh"


class DockerHost(SQLModel, table=True):
    """A machine with a Docker engine, as placement and the inventory need it."""

    __tablename__ = "docker_host"
    __table_args__ = (one_of("connection", Connection),)

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=40)
    connection: str = Field(max_length=8)
    address: str | None = Field(default=None, max_length=255)
    ssh_port: int = Field(default=22)
    ssh_user: str = Field(default="root", max_length=64)
    private_key_file: str | None = Field(default=None, max_length=1024)
    known_hosts_file: str | None = Field(default=None, max_length=1024)
    bind_address: str | None = Field(default=None, max_length=45)
    public_address: str | None = Field(default=None, max_length=255)
    regions: list[str] = Field(default_factory=list, sa_column=sa.Column(JSON_TYPE, nullable=False))
    port_first: int
    port_last: int
    subnet_pool: str = Field(max_length=18)
    data_root: str = Field(max_length=1024)
    capacity_projects: int | None = Field(default=None)
    #: On the database's clock (seconds since 1970): whoever finds it past looks at the host.
    next_look: float = Field(default=0.0)
    observed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    #: When the latest look ended, well or not.
    looked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    observation_error: str | None = Field(default=None, sa_type=sa.Text)
    #: What the latest look found that belongs to no project of ours on this host.
    strangers: list[dict[str, Any]] = Field(default_factory=list, sa_column=sa.Column(JSON_TYPE, nullable=False))
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
