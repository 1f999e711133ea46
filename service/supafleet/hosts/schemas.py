"""Shapes of Docker hosts in the API."""

import ipaddress
import re
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from supafleet.hosts.models import Connection
from supafleet.hosts.regions import LOCAL_REGION

_REGION = re.compile(r"^[a-z0-9][a-z0-9-]{0,63}$")
_HOST_ADDRESS = re.compile(r"^[A-Za-z0-9.:_-]{1,255}$")
_FILE_PATH = re.compile(r"^/[^\x00-\x1f\x7f\"'{}$\\ ]{1,1023}$")
_LARGEST_POOL = 8
_SMALLEST_POOL = 24


def check_subnet_pool(value: str) -> str:
    """A private IPv4 network that project networks of size /24 are cut from."""
    try:
        pool = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise ValueError("must be an IPv4 network such as 10.213.0.0/16") from error
    if not pool.is_private or not _LARGEST_POOL <= pool.prefixlen <= _SMALLEST_POOL:
        raise ValueError("must be a private IPv4 network of size /8 to /24")
    return str(pool)


def _check_address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError as error:
        raise ValueError("must be an IP address") from error


def _check_host_address(value: str) -> str:
    if not _HOST_ADDRESS.fullmatch(value):
        raise ValueError("must be a host name or an IP address")
    return value


def _check_path(value: str) -> str:
    if not _FILE_PATH.fullmatch(value):
        raise ValueError("must be an absolute path without spaces, quotes and braces")
    return value


def _check_regions(value: list[str]) -> list[str]:
    if not value or any(not _REGION.fullmatch(region) for region in value):
        raise ValueError("must name at least one region, each in lowercase letters, digits and hyphens")
    return list(dict.fromkeys(value))


Port = Annotated[int, Field(ge=1024, le=65535)]
HostAddress = Annotated[str, AfterValidator(_check_host_address)]
FilePath = Annotated[str, AfterValidator(_check_path)]


class HostBody(BaseModel):
    """A Docker host as it shall be."""

    model_config = ConfigDict(extra="forbid")

    connection: Connection = Field(description="local: this machine; ssh: another one.")
    address: HostAddress | None = Field(default=None, description="Where ssh finds the host.")
    ssh_port: Annotated[int, Field(ge=1, le=65535)] = 22
    ssh_user: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")] = Field(
        default="root", description="User that ssh logs in as. One that is not root needs sudo without a password."
    )
    private_key_file: FilePath | None = Field(default=None, description="Private key, a file on the service's machine.")
    known_hosts_file: FilePath | None = Field(default=None, description="Known hosts, a file on the service's machine.")
    bind_address: Annotated[str, AfterValidator(_check_address)] | None = Field(
        default=None, description="Address on the host that gateways listen on."
    )
    public_address: HostAddress | None = Field(default=None, description="Where clients reach those gateways.")
    regions: Annotated[list[str], AfterValidator(_check_regions)] = Field(default_factory=lambda: [LOCAL_REGION])
    port_first: Port = 24321
    port_last: Port = 24820
    subnet_pool: Annotated[str, AfterValidator(check_subnet_pool)] = "10.213.0.0/16"
    data_root: FilePath = Field(default="/var/lib/supafleet", description="Folder of the projects on the host.")
    capacity_projects: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Most projects at the same time; null: as many as ports and subnets allow."
    )

    @model_validator(mode="after")
    def _check_pairs(self) -> Self:
        if self.connection == Connection.SSH and self.address is None:
            raise ValueError("address is required for a host reached over ssh")
        if self.port_last < self.port_first:
            raise ValueError("port_last must not be less than port_first")
        return self


class HostResponse(BaseModel):
    """A Docker host."""

    name: str
    connection: Connection
    address: str | None
    ssh_port: int
    ssh_user: str
    private_key_file: str | None
    known_hosts_file: str | None
    bind_address: str | None
    public_address: str | None
    regions: list[str]
    port_first: int
    port_last: int
    subnet_pool: str
    data_root: str
    capacity_projects: int | None
    projects: int = Field(description="Projects on the host now.")
    observed_at: datetime | None = Field(description="When the host was last looked at with success.")
    observation_error: str | None = Field(description="Why the latest look saw nothing; null when it went well.")
    created_at: datetime
