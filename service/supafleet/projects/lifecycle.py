"""Pausing, resuming, restarting and deleting: what is wanted changes and a run is requested, in one transaction."""

from collections.abc import Sequence

from sqlmodel import Session

from supafleet.accounts.service import Actor
from supafleet.errors import IllegalTransition, InvalidField, allowed
from supafleet.jobs.engine import JobEngine
from supafleet.projects import service
from supafleet.projects.models import Project
from supafleet.projects.states import GOALS, Desired, move
from supafleet.runs import service as runs
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import RunKind
from supafleet.stack.settings import SERVICES


def pause_project(session: Session, jobs: JobEngine, ref: str, actor: Actor) -> Run | None:
    """Stop all services and keep all data; None when the project is paused and was seen so.

    Raises:
        ProjectBusy, IllegalTransition: another run has not ended, or the project never came up.
    """
    project = service.lock_project(session, ref, actor)
    return _turn(session, jobs, project, actor, RunKind.PROJECT_PAUSE, Desired.PAUSED, "be paused")


def resume_project(session: Session, jobs: JobEngine, ref: str, actor: Actor) -> Run | None:
    """Bring a paused project up again; None when it is up.

    Raises:
        ProjectBusy, IllegalTransition: another run has not ended, or the project was not paused.
    """
    project = service.lock_project(session, ref, actor)
    return _turn(session, jobs, project, actor, RunKind.PROJECT_RESUME, Desired.ACTIVE, "be resumed")


def cancel_resume(session: Session, ref: str, actor: Actor) -> Run:
    """Ask the run that brings a paused project up to end.

    Raises:
        IllegalTransition: none is underway.
    """
    project = service.lock_project(session, ref, actor)
    run = runs.unfinished_of(session, ref, RunKind.PROJECT_RESUME)
    if run is None:
        raise IllegalTransition(f"A project that is {project.status} is not being restored.")
    return runs.cancel_run(session, run.id, actor.username)


def restart_project(
    session: Session, jobs: JobEngine, ref: str, actor: Actor, services: Sequence[str] = ()
) -> Run | None:
    """Stop all services, or those named, and bring them up again; a restart that is underway is given as it is.

    Raises:
        InvalidField: a service is not known.
        ProjectBusy, IllegalTransition: another run has not ended, or the project is paused or going.
    """
    unknown = [name for name in services if name not in SERVICES]
    if unknown:
        raise InvalidField("services", f"must be {allowed(SERVICES)}")
    project = service.lock_project(session, ref, actor)
    options = {"restart_services": sorted(set(services))} if services else {}
    holder = runs.unfinished_of(session, ref, RunKind.PROJECT_RESTART)
    if holder is not None and holder.options == options:
        return holder
    run = service.request_run(session, jobs, RunKind.PROJECT_RESTART, project, actor.username, options=options)
    _move(session, project, RunKind.PROJECT_RESTART, "be restarted")
    project.desired_state = Desired.ACTIVE
    return run


def delete_project(session: Session, jobs: JobEngine, ref: str, actor: Actor) -> Project:
    """Want the project gone and request the run that removes it; asked again while it goes, it changes nothing.

    Raises:
        ProjectBusy: another run of the project has not ended.
    """
    project = service.lock_project(session, ref, actor)
    _turn(session, jobs, project, actor, RunKind.PROJECT_DELETE, Desired.REMOVED, "be deleted")
    return project


def _turn(
    session: Session, jobs: JobEngine, project: Project, actor: Actor, kind: RunKind, desired: Desired, verb: str
) -> Run | None:
    if project.status == GOALS[kind].reached and project.status_reason is None:
        return None
    # The run tells that it is underway, not the status: a run may have failed to tell its project that it ended.
    if (underway := runs.unfinished_of(session, project.ref, kind)) is not None:
        return underway
    # The run comes first: a project that is busy refuses with the name of the run that holds it.
    run = service.request_run(session, jobs, kind, project, actor.username)
    _move(session, project, kind, verb)
    project.desired_state = desired
    return run


def _move(session: Session, project: Project, kind: RunKind, verb: str) -> None:
    target = GOALS[kind].underway or GOALS[kind].reached
    project.status = move(project.status, target, verb=verb)
    project.status_reason = None
    project.heals, project.heal_after = 0, None
    session.add(project)
    session.flush()
