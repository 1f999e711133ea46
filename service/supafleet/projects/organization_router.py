"""`/v1/organizations/{slug}/projects`."""

from typing import Annotated, Any, Literal

from fastapi import Path, Query

from supafleet.db import SessionDep, row_id, utc_now
from supafleet.deps import CurrentActor, SettingsDep, needs
from supafleet.errors import InvalidField, allowed, responses
from supafleet.hosts import service as hosts
from supafleet.organizations import service as organizations
from supafleet.organizations.models import LONGEST_NAME
from supafleet.permissions import Permission
from supafleet.projects import service
from supafleet.projects.models import Project
from supafleet.projects.schemas import OrganizationProject, OrganizationProjects, Pagination, ProjectDatabase
from supafleet.projects.states import Status
from supafleet.routing import Router

router = Router(prefix="/v1/organizations", tags=["Organizations"])

Sort = Literal["name_asc", "name_desc", "created_asc", "created_desc"]
_CLOUD = "SELF_HOSTED"
#: The official vocabulary; in the last ones no project of this version ever is.
_STATUSES = (*Status, "UPGRADING", "RESIZING", "PROMOTING")
#: What the official API tells of databases; another status of a project says nothing of its database.
_DATABASE_STATUSES = frozenset(
    {
        Status.ACTIVE_HEALTHY,
        Status.ACTIVE_UNHEALTHY,
        Status.COMING_UP,
        Status.GOING_DOWN,
        Status.INIT_FAILED,
        Status.REMOVED,
        Status.RESTORING,
        Status.RESTARTING,
    }
)


@router.get(
    "/{slug}/projects",
    operation_id="v1-get-all-projects-for-organization",
    responses=responses(401, 403, 404, 422),
    dependencies=needs(Permission.ORGANIZATION_PROJECTS_READ),
)
def list_organization_projects(
    slug: Annotated[str, Path(description="Slug of the organization.")],
    session: SessionDep,
    actor: CurrentActor,
    settings: SettingsDep,
    offset: Annotated[int, Query(ge=0, le=2**31 - 1, description="Projects to leave out at the beginning.")] = 0,
    limit: Annotated[int, Query(ge=1, le=100, description="Most projects to tell.")] = 100,
    search: Annotated[str | None, Query(max_length=LONGEST_NAME, description="A part of the name or the ref.")] = None,
    sort: Annotated[Sort, Query(description="Order.")] = "name_asc",
    statuses: Annotated[str | None, Query(description="Only projects with one of these, joined by commas.")] = None,
) -> OrganizationProjects:
    """List the projects of an organization, page by page."""
    wanted = None if statuses is None else _parse_statuses(statuses)
    if search is not None and not search.isprintable():
        raise InvalidField("search", "must be printable text on one line")
    organization = organizations.get_organization(session, slug, actor)
    places = {row_id(host): host for host in hosts.list_hosts(session)}
    now = utc_now()
    shown = [
        (project, service.served_status(project, places[project.host_id], settings, now).status)
        for project in service.search_projects(session, row_id(organization), search, sort)
    ]
    found = [(project, status) for project, status in shown if wanted is None or status in wanted]
    return OrganizationProjects(
        projects=[_project(project, status) for project, status in found[offset : offset + limit]],
        pagination=Pagination(count=len(found), limit=limit, offset=offset),
    )


def _parse_statuses(text: str) -> set[str]:
    words = {word.strip() for word in text.split(",") if word.strip()}
    if not words or not words <= set(_STATUSES):
        raise InvalidField("statuses", f"must be {allowed(_STATUSES)}, joined by commas")
    return words


def _project(project: Project, status: Status) -> OrganizationProject:
    database: dict[str, Any] = {
        "infra_compute_size": project.size,
        "region": project.region,
        "status": status if status in _DATABASE_STATUSES else "UNKNOWN",
        "cloud_provider": _CLOUD,
        "identifier": project.ref,
    }
    return OrganizationProject(
        ref=project.ref,
        name=project.name,
        cloud_provider=_CLOUD,
        region=project.region,
        status=status,
        inserted_at=project.created_at,
        databases=[ProjectDatabase.model_validate(database)],
    )
