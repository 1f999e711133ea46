"""Where a new project goes: a Docker host of its region, a port and a subnet that are free there."""

import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from supafleet.db import row_id
from supafleet.errors import AppError, InvalidField, NothingFree, allowed, quote
from supafleet.hosts.models import Connection, DockerHost
from supafleet.hosts.regions import REGION_GROUPS

_PROJECT_PREFIX_LENGTH = 24


@dataclass(frozen=True)
class Wish:
    """What the client asked of the place."""

    host: str | None = None
    region: str | None = None
    region_group: str | None = None


@dataclass(frozen=True)
class Place:
    """The chosen Docker host, and the region the project is said to be in."""

    host: DockerHost
    region: str


def choose_place(hosts: Sequence[DockerHost], counts: Mapping[int, int], wish: Wish) -> Place:
    """The host with the fewest projects among those that fit.

    Raises:
        InvalidField: the host or region is not known, they do not fit, or a remote host lacks a setting.
        NothingFree: every host that fits is full.
    """
    named = _hosts_by_name(hosts, wish.host)
    fitting = [(host, region) for host in named for region in _regions(host, wish)[:1]]
    if not fitting:
        raise _unknown_region(hosts, named, wish)
    complete = [(host, region) for host, region in fitting if missing_setting(host) is None]
    if not complete:
        raise _incomplete(fitting[0][0])
    free = [(host, region) for host, region in complete if not _is_full(host, counts)]
    if not free:
        names = allowed([host.name for host, _ in complete])
        raise NothingFree(f"No place is left on {names}: raise capacity_projects or delete a project.")
    host, region = min(free, key=lambda pair: (counts.get(row_id(pair[0]), 0), row_id(pair[0])))
    return Place(host, region)


def missing_setting(host: DockerHost) -> str | None:
    """The setting a remote host needs before a project can be reached on it, or None."""
    if host.connection == Connection.LOCAL:
        return None
    for setting in ("bind_address", "public_address"):
        if getattr(host, setting) is None:
            return setting
    return None


def leased_to_strangers(host: DockerHost, what: str) -> set[Any]:
    """Ports (`port`) or subnets (`subnet`) that the latest look found leased to no project of ours."""
    return {one["lease"][what] for one in host.strangers if what in one.get("lease", {})}


def choose_port(host: DockerHost, taken: Collection[int], wanted: int | None) -> int:
    """The wanted port, or the lowest free one of the host's range.

    Raises:
        InvalidField: the wanted port is outside the range.
        NothingFree: it is taken, or none is left.
    """
    if wanted is not None:
        if not host.port_first <= wanted <= host.port_last:
            raise InvalidField(
                "gateway_port", f"must be {host.port_first} to {host.port_last} on the Docker host {host.name}"
            )
        if wanted in taken:
            raise NothingFree(f"gateway_port: {wanted} belongs to another project on the Docker host {host.name}.")
        return wanted
    for port in range(host.port_first, host.port_last + 1):
        if port not in taken:
            return port
    raise NothingFree(
        f"No port from {host.port_first} to {host.port_last} is left on the Docker host {host.name}: widen its range."
    )


def choose_subnet(host: DockerHost, taken: Collection[str]) -> str:
    """The lowest free network of size /24 in the host's pool.

    Raises:
        NothingFree: none is left.
    """
    for subnet in ipaddress.IPv4Network(host.subnet_pool).subnets(new_prefix=_PROJECT_PREFIX_LENGTH):
        if str(subnet) not in taken:
            return str(subnet)
    raise NothingFree(f"No subnet of {host.subnet_pool} is left on the Docker host {host.name}: give it a larger pool.")


def _hosts_by_name(hosts: Sequence[DockerHost], name: str | None) -> list[DockerHost]:
    if name is None:
        return list(hosts)
    named = [host for host in hosts if host.name == name]
    if not named:
        raise InvalidField("host", f"must be {allowed([host.name for host in hosts])}")
    return named


def _regions(host: DockerHost, wish: Wish) -> list[str]:
    if wish.region is not None:
        return [region for region in host.regions if region == wish.region]
    if wish.region_group is not None:
        group = REGION_GROUPS[wish.region_group]
        return [region for region in host.regions if region in group]
    return list(host.regions)


def _unknown_region(hosts: Sequence[DockerHost], named: Sequence[DockerHost], wish: Wish) -> AppError:
    field = "region_selection" if wish.region_group is not None else "region"
    known = sorted({region for host in named for region in host.regions})
    asked = quote(wish.region or wish.region_group or "")
    if not hosts:
        return NothingFree("No Docker host is known: make one known at /fleet/hosts.")
    where = f"the Docker host {named[0].name} serves" if wish.host is not None else "the Docker hosts serve"
    return InvalidField(field, f"{asked} is not served; {where} {allowed(known)}")


def _incomplete(host: DockerHost) -> AppError:
    setting = missing_setting(host)
    return InvalidField("host", f"{host.name} is remote and has no {setting}; set it at /fleet/hosts/{host.name}")


def _is_full(host: DockerHost, counts: Mapping[int, int]) -> bool:
    return host.capacity_projects is not None and counts.get(row_id(host), 0) >= host.capacity_projects
