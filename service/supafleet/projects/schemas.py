"""Shapes of projects in the API."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from supafleet.errors import allowed, quote
from supafleet.flavour import Flavour
from supafleet.keys import check_database_password
from supafleet.organizations.schemas import DisplayName
from supafleet.projects import catalogue
from supafleet.projects.states import ServicePhase, Status
from supafleet.runs.schemas import RunOut
from supafleet.stack.settings import ProjectSettings


def _check_release(value: str) -> str:
    if value not in catalogue.release_names():
        raise ValueError(f"{quote(value)} is not a release; it must be {allowed(catalogue.release_names())}")
    return value


def _check_size(value: str) -> str:
    if value not in catalogue.size_names():
        raise ValueError(f"{quote(value)} is not a size; it must be {allowed(catalogue.size_names())}")
    return value


class SpecificRegion(BaseModel):
    """A region by its code."""

    type: Literal["specific"]
    code: str


class RegionGroup(BaseModel):
    """Any region of a part of the world."""

    type: Literal["smartGroup"]
    code: Literal["americas", "emea", "apac"]


class ProjectCreate(BaseModel):
    """A new project: the official fields, and our own `release`, `flavour`, `host`, `gateway_port` and `settings`."""

    name: DisplayName = Field(description="Name of the project, one line, free within the organization.")
    organization_slug: str = Field(description="Slug of the organization that owns it.")
    db_pass: SecretStr = Field(description="Password of the database: 12 to 72 letters and digits.")
    region: str | None = Field(default=None, description="A region that some Docker host serves.")
    region_selection: Annotated[SpecificRegion | RegionGroup, Field(discriminator="type")] | None = Field(
        default=None, description="Instead of region: a region's code, or a group of regions."
    )
    desired_instance_size: Annotated[str, AfterValidator(_check_size)] | None = Field(
        default=None, description="Size of the project; unset: the service's default."
    )
    postgres_engine: str | None = Field(default=None, description="Major version of Postgres; the release decides it.")
    release_channel: Literal["ga"] | None = Field(default=None, description="Only ga exists.")
    template_url: str | None = Field(
        default=None, description="Not used: the command line that names a template applies it by itself."
    )
    high_availability: Literal[False] | None = Field(default=None, description="Not available.")
    release: Annotated[str, AfterValidator(_check_release)] | None = Field(
        default=None, description="Release of the stack; unset: the service's default."
    )
    flavour: Flavour | None = Field(
        default=None, description="Official images or stand-ins; unset: the service's default."
    )
    host: str | None = Field(default=None, description="Docker host to run on; unset: one that serves the region.")
    gateway_port: int | None = Field(
        default=None, description="Port of the gateway on the Docker host; unset: the lowest free one of its range."
    )
    settings: ProjectSettings | None = Field(default=None, description="Settings of the services.")

    @field_validator("db_pass")
    @classmethod
    def _check_password(cls, value: SecretStr) -> SecretStr:
        reason = check_database_password(value.get_secret_value())
        if reason is not None:
            raise ValueError(reason)
        return value

    @model_validator(mode="after")
    def _check_region_once(self) -> Self:
        if self.region is not None and self.region_selection is not None:
            raise ValueError("only one of region and region_selection can be given")
        return self


class ProjectPatch(BaseModel):
    """What shall be different."""

    model_config = ConfigDict(extra="forbid")

    settings: dict[str, Any] | None = Field(
        default=None, description="Settings by name; null takes one back to its default, what is not named stays."
    )
    self_healing: bool | None = Field(default=None, description="Whether lost containers are brought back.")


class ProjectRename(BaseModel):
    """Another name."""

    model_config = ConfigDict(extra="forbid")

    name: DisplayName = Field(description="Name of the project, one line, free within the organization.")


class RestartBody(BaseModel):
    """What to restart."""

    model_config = ConfigDict(extra="forbid")

    services: list[str] = Field(default_factory=list, description="Names of services; all of them when empty.")


class ProjectCreated(BaseModel):
    """A project just asked for."""

    id: str = Field(description="The same as ref.")
    ref: str
    organization_id: str = Field(description="The same as organization_slug.")
    organization_slug: str
    name: str
    region: str
    created_at: datetime
    status: Status


class DatabaseInfo(BaseModel):
    """The project's database."""

    host: str
    version: str
    postgres_engine: str
    release_channel: str


class ProjectResponse(ProjectCreated):
    """A project."""

    database: DatabaseInfo


class ProjectDeleted(BaseModel):
    """A project that is going."""

    id: int
    ref: str
    name: str


HealthName = Literal["auth", "db", "db_postgres_user", "pooler", "realtime", "rest", "storage", "pg_bouncer"]


class ServiceHealth(BaseModel):
    """Whether one service works, as seen on the Docker host."""

    name: HealthName
    healthy: bool
    status: Literal["COMING_UP", "ACTIVE_HEALTHY", "UNHEALTHY"]
    error: str | None = None


class Difference(BaseModel):
    """Something on a Docker host that is not as the database has it."""

    kind: Literal["orphan", "foreign", "unclaimed", "absent", "sick", "unexpected"]
    ref: str
    sentence: str = Field(description="What it is, and the way out.")
    objects: list[str] = Field(
        description="Names of containers, networks and volumes; leases, folders and locks in words."
    )


class HostReport(BaseModel):
    """A Docker host and its differences."""

    host: str
    observed_at: datetime | None
    error: str | None = Field(description="Why the host could not be seen; null when it was.")
    differences: list[Difference]


class FleetService(BaseModel):
    """What was last seen of one service."""

    name: str
    phase: ServicePhase
    exit_code: int | None
    restart_count: int
    image: str | None
    observed_at: datetime


class FleetProjectSummary(BaseModel):
    """A project as the fleet lists it."""

    ref: str
    name: str
    organization_slug: str
    status: Status
    status_reason: str | None
    stale_since: datetime | None
    observed_at: datetime | None
    host: str
    region: str
    release: str
    flavour: str
    size: str
    public_url: str
    gateway_port: int
    subnet: str
    self_healing: bool
    created_at: datetime


class FleetProject(FleetProjectSummary):
    """A project with its services and its latest run."""

    services: list[FleetService]
    settings: dict[str, Any] = Field(description="Settings that differ from their defaults, without environment.")
    desired_generation: int = Field(description="Raised by every change that a converge applies.")
    applied_generation: int = Field(description="The generation that was last seen to be applied.")
    run: RunOut | None = Field(description="The newest run that changes the project.")


class ProjectDatabase(BaseModel):
    """The database of a project in a list."""

    infra_compute_size: str
    region: str
    status: str
    cloud_provider: str
    identifier: str
    type: Literal["PRIMARY"] = "PRIMARY"


class StudioAccess(BaseModel):
    """How a person signs in to a project's own Studio, by HTTP basic authentication at its gateway."""

    url: str | None = Field(description="Address of Studio: that of the project's gateway.")
    username: str
    password: str


class OrganizationProject(BaseModel):
    """A project in the list of its organization."""

    ref: str
    name: str
    cloud_provider: str
    region: str
    is_branch: Literal[False] = False
    status: Status
    inserted_at: datetime
    databases: list[ProjectDatabase]


class Pagination(BaseModel):
    """Which part of a list it is; `count` is the length of the whole."""

    count: int
    limit: int
    offset: int


class OrganizationProjects(BaseModel):
    """A page of an organization's projects."""

    projects: list[OrganizationProject]
    pagination: Pagination
