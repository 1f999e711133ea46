"""What a person or the service writes into an inventory file: Docker hosts and the projects on them."""

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from supafleet.flavour import Flavour
from supafleet.stack.settings import ProjectSettings

NAME_PATTERN = re.compile(r"^[a-z][a-z0-9-]{2,39}$")
#: The names that the service takes.
_LONGEST_LINE = 256
DATA_ROOT = "/var/lib/supafleet"


def _name(value: str) -> str:
    if not NAME_PATTERN.fullmatch(value):
        raise ValueError("must be 3 to 40 lowercase letters, digits and hyphens, beginning with a letter")
    return value


def _one_line(value: str) -> str:
    if not value or len(value) > _LONGEST_LINE or any(not character.isprintable() for character in value):
        raise ValueError(f"must be 1 to {_LONGEST_LINE} printable characters on one line")
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

    connection: Literal["local", "ssh"] = Field(default="local", description="local: this machine; ssh: another one.")
    address: str | None = Field(
        default=None, description="Where ssh finds the host: a name or an IP address. Required for ssh."
    )
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=22, description="Port of ssh on the host.")
    user: str = Field(
        default="root", description="User that ssh logs in as. One that is not root needs sudo without a password."
    )
    private_key_file: str | None = Field(
        default=None, description="Private key, a file on this machine. Unset: what ssh itself would use."
    )
    known_hosts_file: str | None = Field(
        default=None, description="Known hosts, a file on this machine. Unset: what ssh itself would use."
    )
    bind_address: Address | None = Field(
        default=None,
        description="IP address on the host that gateways listen on. Required for ssh. Unset: 127.0.0.1.",
    )
    public_address: str | None = Field(
        default=None,
        description="Name or IP address at which clients reach the gateways. Required for ssh. Unset: bind_address.",
    )
    subnet_pool: str = Field(
        default="10.213.0.0/16",
        description="Network that the service cuts projects' subnets from; in a direct run each project names its own.",
    )
    port_range: tuple[Port, Port] = Field(
        default=(24321, 24820),
        description="First and last gateway port that the service gives; in a direct run each project names its own.",
    )
    data_root: str = Field(
        default=DATA_ROOT, description="Folder on the host for the files of the projects, and for locks and leases."
    )

    @model_validator(mode="after")
    def _remote_hosts_say_how_they_are_reached(self) -> "DockerHostEntry":
        if self.connection == "ssh":
            for setting in ("address", "bind_address", "public_address"):
                if getattr(self, setting) is None:
                    raise ValueError(f"{setting} is required for a host reached over ssh")
        return self


class ProjectEntry(_Entry):
    """One project: where it runs, as what, and what it occupies there."""

    host: Name = Field(description="One of the names under docker_hosts.")
    gateway_port: Port = Field(
        description="Port on the host at which the gateway answers. No two projects of a host may have the same."
    )
    subnet: Subnet = Field(
        description="IPv4 network of size /24, such as 10.213.7.0/24. No two projects of a host may have the same."
    )
    name: OneLine | None = Field(
        default=None, description="What Studio shows: 1 to 256 printable characters. Unset: the key of the entry."
    )
    organization_name: OneLine = Field(
        default="Default organization", description="What Studio shows: 1 to 256 printable characters."
    )
    release: str = Field(default="2026.09", description="A folder of roles/project_stack/releases.")
    flavour: Flavour = Field(
        default="supabase", description="Official images, or the stand-ins that playbooks/sandbox_images.yml builds."
    )
    size: Literal["micro", "small", "medium", "large"] = Field(
        default="small", description="Limits of the containers, see [sizes](sizes.md)."
    )
    registry_prefix: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9.:/_-]*/)?$")] = Field(
        default="", description="Put before every official image, such as mirror.example.com/."
    )
    settings: ProjectSettings = Field(
        default_factory=ProjectSettings, description="See [settings of a project](project-settings.md)."
    )


class FleetFile(_Entry):
    """A whole inventory file."""

    plugin: Literal["supafleet"] = Field(description="Tells Ansible who reads the file.")
    installation: Name = Field(
        default="default",
        description="Name that every Docker object carries, so that two installations never mix: 3 to 40 lowercase "
        "letters, digits and hyphens, beginning with a letter.",
    )
    docker_hosts: dict[Name, DockerHostEntry] = Field(description="Docker hosts by name.")
    projects: dict[Name, ProjectEntry] = Field(
        default_factory=dict, description="Projects by ref. No project may have the name of a Docker host."
    )

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
