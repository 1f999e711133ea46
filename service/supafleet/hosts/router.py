"""`/fleet/hosts`."""

from typing import Annotated

from fastapi import Path, Response, status

from supafleet.db import SessionDep, row_id
from supafleet.deps import needs
from supafleet.errors import responses
from supafleet.hosts import service
from supafleet.hosts.models import DockerHost
from supafleet.hosts.schemas import HostBody, HostResponse
from supafleet.permissions import Permission
from supafleet.projects import service as projects
from supafleet.routing import Router

router = Router(prefix="/fleet/hosts", tags=["Fleet"])

HostName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{2,39}$", description="Name of the Docker host.")]


@router.get(
    "",
    operation_id="fleet-list-hosts",
    responses=responses(401, 403),
    dependencies=needs(Permission.FLEET_HOSTS_READ),
)
def list_hosts(session: SessionDep) -> list[HostResponse]:
    """List the Docker hosts."""
    counts = projects.count_by_host(session)
    return [_response(host, counts) for host in service.list_hosts(session)]


@router.put(
    "/{name}",
    operation_id="fleet-put-host",
    responses={201: {"model": HostResponse, "description": "The host is new."}, **responses(401, 403, 422)},
    dependencies=needs(Permission.FLEET_HOSTS_WRITE),
)
def put_host(name: HostName, body: HostBody, response: Response, session: SessionDep) -> HostResponse:
    """Make a Docker host known, or change what is known of it."""
    host, is_new = service.put_host(session, name, body)
    response.status_code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
    return _response(host, projects.count_by_host(session))


def _response(host: DockerHost, counts: dict[int, int]) -> HostResponse:
    values = host.model_dump(include=set(HostResponse.model_fields) - {"projects"})
    return HostResponse.model_validate({**values, "projects": counts.get(row_id(host), 0)})
