"""The verbs of a project: pause, resume, restart and change, in the official words and in our own."""

from fastapi import Response, status
from sqlmodel import Session

from supafleet.answers import empty
from supafleet.db import SessionDep, reading
from supafleet.deps import CurrentActor, JobsDep, ProjectRef, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.projects import configuration, lifecycle, service
from supafleet.projects.changing import ChangerDep
from supafleet.projects.fleet_router import render_project
from supafleet.projects.schemas import FleetProject, ProjectPatch, RestartBody
from supafleet.routing import Router
from supafleet.runs import service as runs
from supafleet.runs.models import Run
from supafleet.runs.schemas import RunOut

router = Router()

_REFUSALS = responses(401, 403, 404, 409)


@router.post(
    "/v1/projects/{ref}/pause",
    tags=["Projects"],
    operation_id="v1-pause-a-project",
    response_class=Response,
    responses=_REFUSALS,
    dependencies=needs(Permission.PROJECT_ADMIN_WRITE),
)
def pause_officially(ref: ProjectRef, session: SessionDep, actor: CurrentActor, jobs: JobsDep) -> Response:
    """Begin to pause a project; asked again, nothing changes."""
    lifecycle.pause_project(session, jobs, ref, actor)
    return empty()


@router.post(
    "/v1/projects/{ref}/restore",
    tags=["Projects"],
    operation_id="v1-restore-a-project",
    response_class=Response,
    responses=_REFUSALS,
    dependencies=needs(Permission.PROJECT_ADMIN_WRITE),
)
def restore_officially(ref: ProjectRef, session: SessionDep, actor: CurrentActor, jobs: JobsDep) -> Response:
    """Begin to bring a paused project up again; asked again, nothing changes."""
    lifecycle.resume_project(session, jobs, ref, actor)
    return empty()


@router.post(
    "/v1/projects/{ref}/restart",
    tags=["Projects"],
    operation_id="v1-restart-a-project",
    status_code=status.HTTP_201_CREATED,
    response_class=Response,
    responses=_REFUSALS,
    dependencies=needs(Permission.PROJECT_ADMIN_WRITE),
)
def restart_officially(ref: ProjectRef, session: SessionDep, actor: CurrentActor, jobs: JobsDep) -> Response:
    """Begin to restart a project."""
    lifecycle.restart_project(session, jobs, ref, actor)
    return empty(status.HTTP_201_CREATED)


@router.post(
    "/fleet/projects/{ref}/pause",
    tags=["Fleet"],
    operation_id="fleet-pause-project",
    responses=_REFUSALS,
    dependencies=needs(Permission.PROJECT_ADMIN_WRITE),
)
def pause(ref: ProjectRef, session: SessionDep, actor: CurrentActor, jobs: JobsDep) -> RunOut | None:
    """Begin to pause a project: its run, or null when it is paused."""
    return _rendered(session, lifecycle.pause_project(session, jobs, ref, actor))


@router.post(
    "/fleet/projects/{ref}/resume",
    tags=["Fleet"],
    operation_id="fleet-resume-project",
    responses=_REFUSALS,
    dependencies=needs(Permission.PROJECT_ADMIN_WRITE),
)
def resume(ref: ProjectRef, session: SessionDep, actor: CurrentActor, jobs: JobsDep) -> RunOut | None:
    """Begin to bring a paused project up again: its run, or null when it is up."""
    return _rendered(session, lifecycle.resume_project(session, jobs, ref, actor))


@router.post(
    "/fleet/projects/{ref}/restart",
    tags=["Fleet"],
    operation_id="fleet-restart-project",
    responses=responses(401, 403, 404, 409, 422),
    dependencies=needs(Permission.PROJECT_ADMIN_WRITE),
)
def restart(
    ref: ProjectRef, session: SessionDep, actor: CurrentActor, jobs: JobsDep, body: RestartBody | None = None
) -> RunOut | None:
    """Begin to restart all services of a project, or those that are named: its run."""
    services = body.services if body else []
    return _rendered(session, lifecycle.restart_project(session, jobs, ref, actor, services))


@router.patch(
    "/fleet/projects/{ref}",
    tags=["Fleet"],
    operation_id="fleet-change-project",
    responses=responses(401, 403, 404, 409, 422, 502),
    dependencies=needs(Permission.PROJECT_ADMIN_WRITE),
)
def change_project(changer: ChangerDep, body: ProjectPatch) -> FleetProject:
    """Change settings; the answer comes when they are applied. Several changes at once end in one converge."""
    with changer.begin() as change:
        if configuration.change_project(change.session, change.project, body, changer.settings):
            change.converge("Settings changed.")
    with reading(changer.engine) as session:
        placed = service.get_placed_project(session, changer.ref, changer.actor)
        return render_project(session, placed, changer.settings)


def _rendered(session: Session, run: Run | None) -> RunOut | None:
    return None if run is None else runs.render_run(session, run)
