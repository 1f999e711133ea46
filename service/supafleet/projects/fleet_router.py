"""`/fleet/projects`: our own view of projects, with reasons and services."""

from typing import Any

from fastapi import Response
from sqlmodel import Session

from supafleet.db import SessionDep, utc_now
from supafleet.deps import CurrentActor, ProjectRef, SettingsDep, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.projects import service
from supafleet.projects.models import Placed, ProjectService
from supafleet.projects.schemas import FleetProject, FleetProjectSummary, FleetService, StudioAccess
from supafleet.projects.states import ServicePhase
from supafleet.routing import Router
from supafleet.runs import service as runs
from supafleet.settings import Settings
from supafleet.stack.settings import SERVICES

router = Router(prefix="/fleet/projects", tags=["Fleet"])


@router.get(
    "",
    operation_id="fleet-list-projects",
    responses=responses(401),
    dependencies=needs(Permission.PROJECTS_READ),
)
def list_projects(session: SessionDep, actor: CurrentActor, settings: SettingsDep) -> list[FleetProjectSummary]:
    """List the projects of the account's organizations with the reasons of their status."""
    return [
        FleetProjectSummary.model_validate(_summary(placed, settings))
        for placed in service.list_placed_projects(session, actor)
    ]


@router.get(
    "/{ref}",
    operation_id="fleet-get-project",
    responses=responses(401, 403, 404),
    dependencies=needs(Permission.PROJECT_ADMIN_READ),
)
def get_project(
    ref: ProjectRef,
    session: SessionDep,
    actor: CurrentActor,
    settings: SettingsDep,
) -> FleetProject:
    """Tell how a project is, what was last seen of its services, and its latest run."""
    return render_project(session, service.get_placed_project(session, ref, actor), settings)


@router.get(
    "/{ref}/studio",
    operation_id="fleet-get-studio-access",
    responses=responses(401, 403, 404),
    dependencies=needs(Permission.API_GATEWAY_KEYS_SECRET_READ),
)
def get_studio_access(
    ref: ProjectRef, session: SessionDep, actor: CurrentActor, settings: SettingsDep, response: Response
) -> StudioAccess:
    """Tell where the project's own Studio is, and its password: who has it does as the service_role key may."""
    response.headers["Cache-Control"] = "no-store"
    placed = service.get_placed_project(session, ref, actor)
    values = service.reveal_secrets(session, placed.project, settings)
    return StudioAccess(
        url=service.public_url(placed.project, placed.host),
        username=values["dashboard_username"],
        password=values["dashboard_password"],
    )


def render_project(session: Session, placed: Placed, settings: Settings) -> FleetProject:
    """A project as the fleet shows it."""
    project = placed.project
    seen = service.services_of(session, project)
    run = runs.latest_run(session, project.ref)
    return FleetProject.model_validate(
        {
            **_summary(placed, settings),
            "services": [_service(seen[name]) for name in (*SERVICES, *sorted({*seen} - {*SERVICES})) if name in seen],
            "settings": project.settings,
            "desired_generation": project.desired_generation,
            "applied_generation": project.applied_generation,
            "run": None if run is None else runs.render_run(session, run),
        }
    )


def _summary(placed: Placed, settings: Settings) -> dict[str, Any]:
    project, host = placed.project, placed.host
    served = service.served_status(project, host, settings, utc_now())
    return {
        "ref": project.ref,
        "name": project.name,
        "organization_slug": placed.organization.slug,
        "status": served.status,
        "status_reason": served.reason,
        "stale_since": served.stale_since,
        "observed_at": project.observed_at,
        "host": host.name,
        "region": project.region,
        "release": project.release,
        "flavour": project.flavour,
        "size": project.size,
        "public_url": service.public_url(project, host),
        "gateway_port": project.gateway_port,
        "subnet": project.subnet,
        "self_healing": project.self_healing,
        "created_at": project.created_at,
    }


def _service(row: ProjectService) -> FleetService:
    return FleetService(
        name=row.name,
        phase=ServicePhase(row.phase),
        exit_code=row.exit_code,
        restart_count=row.restart_count,
        image=row.image,
        observed_at=row.observed_at,
    )
