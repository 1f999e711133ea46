"""The Docker objects that must exist before Compose runs, and that no Compose command may delete."""

from typing import Any

from supafleet.stack.compose import DATA_VOLUMES, object_labels
from supafleet.stack.network import plan_addresses
from supafleet.stack.project import Project


def plan_network(project: Project) -> dict[str, Any]:
    """Name, subnet, ip_range, gateway and labels of the project's network."""
    addresses = plan_addresses(project.subnet)
    return {
        "name": project.ref,
        "subnet": addresses.subnet,
        "ip_range": addresses.ip_range,
        "gateway": addresses.gateway,
        "labels": object_labels(project),
    }


def plan_volumes(project: Project) -> list[dict[str, Any]]:
    """Name and labels of each volume that outlives containers."""
    return [
        {"name": f"{project.ref}-{volume}", "labels": object_labels(project, service)}
        for volume, service in DATA_VOLUMES.items()
    ]
