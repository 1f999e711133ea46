"""An inventory file as Ansible groups and host variables."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from supafleet.inventory.entries import DockerHostEntry, FleetFile, ProjectEntry
from supafleet.stack.addresses import LOOPBACK, gateway_url

REMOTE_INTERPRETER = "/usr/bin/python3"


class InventoryError(ValueError):
    """An inventory file that says something impossible; the message names the key and what is allowed."""


@dataclass
class Layout:
    """Groups by name, and the variables of each inventory host."""

    groups: dict[str, list[str]] = field(default_factory=dict)
    hostvars: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, host: str, variables: dict[str, Any], *groups: str) -> None:
        self.hostvars[host] = variables
        for group in groups:
            self.groups.setdefault(group, []).append(host)


def group_name(prefix: str, value: str) -> str:
    """`release`, `2026.09` -> `release_2026_09`."""
    return f"{prefix}_" + "".join(character if character.isalnum() else "_" for character in value)


def parse_fleet(data: Mapping[str, Any]) -> FleetFile:
    """The typed inventory file.

    Raises:
        InventoryError: one sentence on the first thing that is wrong.
    """
    try:
        return FleetFile.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        raise InventoryError(f"{where}: {what}" if where else what) from error


def lay_out(fleet: FleetFile) -> Layout:
    """Groups `docker_hosts`, `projects`, `on_<host>`, `release_<release>`, `flavour_<flavour>`, `size_<size>`."""
    layout = Layout(groups={"docker_hosts": [], "projects": []})
    for name, host in fleet.docker_hosts.items():
        layout.add(name, {**_connection(host), "docker_host": _docker_host(name, host)}, "docker_hosts")
    for ref, project in fleet.projects.items():
        host = fleet.docker_hosts[project.host]
        variables = {
            **_connection(host),
            "docker_host": _docker_host(project.host, host),
            "project": _project(fleet.installation, ref, project, host),
        }
        layout.add(
            ref,
            variables,
            "projects",
            group_name("on", project.host),
            group_name("release", project.release),
            group_name("flavour", project.flavour),
            group_name("size", project.size),
        )
    return layout


def _connection(host: DockerHostEntry) -> dict[str, Any]:
    if host.connection == "local":
        # The playbook's own Python has what our modules need; discovery could find a broken one first.
        return {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    variables: dict[str, Any] = {
        "ansible_connection": "ssh",
        "ansible_host": host.address,
        "ansible_port": host.port,
        "ansible_user": host.user,
        "ansible_python_interpreter": REMOTE_INTERPRETER,
    }
    if host.user != "root":
        # The engine and the data folder belong to root there.
        variables["ansible_become"] = True
    if host.private_key_file:
        variables["ansible_ssh_private_key_file"] = host.private_key_file
    if host.known_hosts_file:
        variables["ansible_ssh_common_args"] = f"-o UserKnownHostsFile={host.known_hosts_file}"
    return variables


def _docker_host(name: str, host: DockerHostEntry) -> dict[str, Any]:
    return {
        "name": name,
        "data_root": host.data_root,
        "subnet_pool": host.subnet_pool,
        "bind_address": host.bind_address or LOOPBACK,
    }


def _project(installation: str, ref: str, project: ProjectEntry, host: DockerHostEntry) -> dict[str, Any]:
    return {
        "ref": ref,
        "name": project.name or ref,
        "organization_name": project.organization_name,
        "installation": installation,
        "host": project.host,
        "release": project.release,
        "flavour": project.flavour,
        "size": project.size,
        "gateway_port": project.gateway_port,
        "subnet": project.subnet,
        "bind_address": host.bind_address or LOOPBACK,
        "public_url": gateway_url(host.public_address, host.bind_address, project.gateway_port),
        "root": f"{host.data_root}/projects/{ref}",
        "registry_prefix": project.registry_prefix,
        "settings": project.settings.model_dump(mode="json", exclude_unset=True),
    }
