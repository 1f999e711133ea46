"""What the API answers, as far as the command line reads it; whatever else stands there is kept for `--json`."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

FINISHED_STATUSES = frozenset({"succeeded", "failed", "canceled"})


class _Answer(BaseModel):
    model_config = ConfigDict(extra="allow")


class Organization(_Answer):
    """One organization of the token's owner."""

    id: str
    slug: str
    name: str


class Project(_Answer):
    """A project as the Management API lists it."""

    ref: str
    name: str
    organization_slug: str
    region: str
    status: str
    created_at: datetime


class StudioAccess(_Answer):
    """How a person signs in to a project's Studio."""

    url: str | None = None
    username: str
    password: str


class ApiKey(_Answer):
    """One key of a project."""

    name: str
    type: str | None = None
    api_key: str | None = None

    @property
    def label(self) -> str:
        """Its name, and the kind of it where two keys may have the same name."""
        return f"{self.name} ({self.type})" if self.type in ("publishable", "secret") else self.name

    @property
    def is_public(self) -> bool:
        """Whether it is made to be in every page's source."""
        return self.name == "anon" if self.type == "legacy" else self.type == "publishable"


class PhaseTime(_Answer):
    """One phase of a run, with its times."""

    name: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    seconds: float | None = None


class Run(_Answer):
    """The record of one run."""

    id: str
    kind: str
    project_ref: str | None = None
    status: str
    actor: str | None = None
    driver: str | None = None
    reason: str | None = None
    attempt: int | None = None
    phase: str | None = None
    explanation: str | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    phases: list[PhaseTime] = []
    services: dict[str, Any] = {}

    @property
    def is_finished(self) -> bool:
        """Whether the run has ended, well or not."""
        return self.status in FINISHED_STATUSES

    @property
    def has_succeeded(self) -> bool:
        """Whether the run has ended well."""
        return self.status == "succeeded"

    @property
    def seconds(self) -> float | None:
        """How long the whole run took, when it has ended."""
        return (self.ended_at - self.started_at).total_seconds() if self.started_at and self.ended_at else None


class ServiceSeen(_Answer):
    """One service of a project as it was last observed."""

    name: str
    phase: str
    exit_code: int | None = None
    restart_count: int | None = None
    image: str | None = None


class FleetProject(_Answer):
    """A project with what is known of its containers."""

    ref: str
    name: str
    status: str
    status_reason: str | None = None
    stale_since: datetime | None = None
    observed_at: datetime | None = None
    host: str | None = None
    release: str | None = None
    flavour: str | None = None
    size: str | None = None
    public_url: str | None = None
    services: list[ServiceSeen] = []
    run: Run | None = None


class ServiceState(_Answer):
    """One service inside an event."""

    phase: str
    exit_code: int | None = None
    restart_count: int | None = None


class Event(_Answer):
    """One numbered event of a run."""

    number: int
    at: datetime
    kind: str
    phase: str | None = None
    task: str | None = None
    message: str | None = None
    services: dict[str, ServiceState] | None = None
    detail: dict[str, Any] | None = None


class Host(_Answer):
    """A Docker host, and what the latest look at it told."""

    name: str
    connection: str
    address: str | None = None
    projects: int
    observed_at: datetime | None = None
    observation_error: str | None = None


class Difference(_Answer):
    """Something on a Docker host that is not as it should be."""

    kind: str
    ref: str
    sentence: str


class HostReport(_Answer):
    """A Docker host and its differences."""

    host: str
    error: str | None = None
    differences: list[Difference] = []


class Token(_Answer):
    """A personal access token; its text is there only when it was just made."""

    id: int
    name: str
    prefix: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    token: str | None = None
