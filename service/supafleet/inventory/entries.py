"""What a person or the service writes into an inventory file: Docker hosts and the projects on them."""

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from supafleet.stack.settings import ProjectSettings

NAME_PATTERN = re.compile(r"^[a-z][a-z0-9-]{2,39}$")
DATA_ROOT = "/var/lib/supafleet"


def _name(value: str) -> str:
    if not NAME_PATTERN.fullmatch(value):
        raise ValueError("must be 3 to 40 lowercase letters, digits and hyphens, beginning with a letter")
    return value


def _one_line(value: str) -> str:
    if not value or len(value) > 64 or any(not character.isprintable() for character in value):
        raise ValueError("must be 1 to 64 printable characters on one line")
    return value


def _address(value: str) -> str:
    return str(ipaddress.ip_address(value))


def _subnet(value: str) -> str:
    network = ipaddress.ip_network(value)
    if network.version != 4 or network.prefixlen != 24:
        raise ValueError("must be an IPv4 network of size /24, such as 10.213.7.0/24")
    return str(network)


Name = Annotated[str, AfterValidator(_name)]
OneLine = Annotated[str, AfterValidator(_one_line)]
Address = Annotated[str, AfterValidator(_address)]
Subnet = Annotated[str, AfterValidator(_subnet)]
Port = Annotated[int, Field(ge=1024, le=65535)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DockerHostEntry(_Entry):
    """One Docker host and how Ansible reaches it."""

    connection: Literal["local", "ssh"] = "local"
    address: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    user: str = "root"
    private_key_file: str | None = None
    known_hosts_file: str | None = None
    bind_address: Address | None = None
    public_address: str | None = None
    subnet_pool: str = "10.213.0.0/16"
    port_range: tuple[Port, Port] = (24321, 24820)
    data_root: str = DATA_ROOT

    @model_validator(mode="after")
    def _remote_hosts_say_how_they_are_reached(self) -> "DockerHostEntry":
        if self.connection == "ssh":
            for setting in ("address", "bind_address", "public_address"):
                if getattr(self, setting) is None:
                    raise ValueError(f"{setting} is required for a host reached over ssh")
        return self


class ProjectEntry(_Entry):
    """One project: where it runs, as what, and what it occupies there."""

    host: Name
    gateway_port: Port
    subnet: Subnet
    name: OneLine | None = None
    organization_name: OneLine = "Default organization"
    release: str = "2026.09"
    flavour: Literal["supabase", "sandbox"] = "supabase"
    size: Literal["micro", "small", "medium", "large"] = "small"
    public_url: Annotated[str, Field(pattern=r"^https?://[^\s/]+(/[^\s]*)?$")] | None = None
    registry_prefix: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9.:/_-]*/)?$")] = ""
    settings: ProjectSettings = Field(default_factory=ProjectSettings)


class FleetFile(_Entry):
    """A whole inventory file."""

    plugin: Literal["supafleet"]
    installation: Name = "default"
    docker_hosts: dict[Name, DockerHostEntry]
    projects: dict[Name, ProjectEntry] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _nothing_is_taken_twice(self) -> "FleetFile":
        owners: dict[tuple[str, str], str] = {}
        for ref, project in self.projects.items():
            if ref in self.docker_hosts:
                raise ValueError(f"projects.{ref}: a Docker host has the same name")
            if project.host not in self.docker_hosts:
                known = ", ".join(sorted(self.docker_hosts))
                raise ValueError(f"projects.{ref}.host: no Docker host {project.host!r}; known are: {known}")
            for setting, value in (("gateway_port", str(project.gateway_port)), ("subnet", project.subnet)):
                taken_by = owners.setdefault((project.host, value), ref)
                if taken_by != ref:
                    raise ValueError(f"projects.{ref}.{setting}: {value} is taken by project {taken_by}")
        return self
