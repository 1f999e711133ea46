"""The rules of runs: requesting, canceling and reading them."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from supafleet.accounts.service import Actor
from supafleet.db import Besides, utc_now
from supafleet.errors import Conflict, ProjectBusy, RunNotFound
from supafleet.jobs.engine import Job, JobEngine
from supafleet.organizations.models import Place
from supafleet.runs import repository
from supafleet.runs.models import Run, RunEventRow
from supafleet.runs.schemas import EventOut, PhaseOut, RunOut
from supafleet.runs.vocabulary import Lane, RunKind, RunStatus


def request_run(
    session: Session,
    jobs: JobEngine,
    kind: RunKind | str,
    project_ref: str,
    *,
    host: str,
    actor: str,
    driver: str = "api",
    priority: int = 10,
    reason: str | None = None,
    options: Mapping[str, Any] | None = None,
    project_before: Mapping[str, Any] | None = None,
) -> Run:
    """A new run, inserted and enqueued in the caller's transaction.

    Asking for an observation while one is unfinished gives that one.

    Args:
        project_before: what the project's row says now, for a run that is canceled before it begins.

    Raises:
        ProjectBusy: another run of the project has not ended.
    """
    kind = RunKind(kind)
    holder = repository.find_unfinished(session, project_ref, kind.lane)
    if holder is not None and kind.lane is Lane.OBSERVE:
        return holder
    if holder is not None:
        raise _busy(holder)
    run = Run.model_validate(
        {
            "id": str(uuid.uuid4()),
            "kind": kind,
            "lane": kind.lane,
            "project_ref": project_ref,
            "host": host,
            "actor": actor,
            "driver": driver,
            "priority": priority,
            "reason": reason,
            "options": dict(options or {}),
            "project_before": project_before and dict(project_before),
            "status": RunStatus.QUEUED,
            "created_at": utc_now(),
        }
    )
    try:
        # The index decides, not the look before: two requests may have looked at the same time.
        with session.begin_nested():
            repository.add_run(session, run)
    except IntegrityError:
        holder = repository.find_unfinished(session, project_ref, kind.lane)
        if holder is None:
            raise
        if kind.lane is Lane.OBSERVE:
            return holder
        raise _busy(holder) from None
    jobs.enqueue(session, Job(run.id, project_ref, host, kind.lane, priority))
    return run


def cancel_run(session: Session, run_id: str, actor: str) -> Run:
    """Ask a run to end. A waiting one ends within a second, a running one when nothing of it is left.

    Raises:
        Conflict: it has ended already.
    """
    run = get_run(session, run_id)
    if run.ended_at is not None:
        raise Conflict(f"Run {run.id} has already ended: it {run.status}.")
    if run.cancel_requested_at is None:
        run.cancel_requested_at = utc_now()
        run.cancel_requested_by = actor
        session.add(run)
        session.flush()
    return run


def get_run(session: Session, run_id: str) -> Run:
    """The run.

    Raises:
        RunNotFound: there is none with this id.
    """
    run = repository.get_run(session, run_id)
    if run is None:
        raise RunNotFound(run_id)
    return run


def place_besides(run_id: str) -> Besides:
    """What tells where an account stands with the run's project, for the statement that finds the account."""
    return Besides(repository.with_place, {"run_id": run_id})


def place_of(run_id: str, told: Sequence[Any]) -> Place | None:
    """Where the account stands with the organization that owns or owned the run's project, as `place_besides` told it.

    Returns:
        None for a run about what no project is known of.

    Raises:
        RunNotFound: there is no run with this id.
    """
    found, *place = told
    if found is None:
        raise RunNotFound(run_id)
    return Place.of(place)


def unfinished_run(session: Session, project_ref: str) -> Run | None:
    """The run that changes the project right now."""
    return repository.find_unfinished(session, project_ref, Lane.CHANGE)


def unfinished_of(session: Session, project_ref: str, kind: RunKind) -> Run | None:
    """The run that changes the project right now, if it is of this kind."""
    run = unfinished_run(session, project_ref)
    return run if run is not None and run.kind == kind else None


def busy_refs(session: Session) -> set[str]:
    """Refs of everything that a run is changing, or is going to."""
    return repository.list_busy(session)


def require_idle(session: Session, project_ref: str) -> None:
    """Let nothing be done beside a run that changes the project.

    Raises:
        ProjectBusy: one has not ended.
    """
    holder = unfinished_run(session, project_ref)
    if holder is not None:
        raise _busy(holder)


def latest_run(session: Session, project_ref: str) -> Run | None:
    """The newest run that changes a project, or changed it."""
    return repository.find_latest_change(session, project_ref)


def list_runs(session: Session, project_ref: str | None, limit: int, actor: Actor) -> list[RunOut]:
    """Runs that the account may see, as the API shows them, the newest first; an operator sees all."""
    account_id = None if actor.is_operator else actor.account_id
    return _render(session, repository.list_runs(session, project_ref, limit, account_id))


def render_run(session: Session, run: Run) -> RunOut:
    """One run as the API shows it."""
    return _render(session, [run])[0]


def events_after(session: Session, run_id: str, number: int) -> list[EventOut]:
    """Events of a run beyond a number."""
    return [_event(row) for row in repository.list_events(session, run_id, number)]


def _busy(holder: Run) -> ProjectBusy:
    return ProjectBusy(
        holder.project_ref,
        holder=holder.actor,
        kind=RunKind(holder.kind).sentence,
        since=holder.started_at or holder.created_at,
    )


def _render(session: Session, runs: Sequence[Run]) -> list[RunOut]:
    times = repository.phase_times(session, [run.id for run in runs]) if runs else {}
    return [
        RunOut(
            **run.model_dump(include=set(RunOut.model_fields) - {"phases"}),
            phases=[
                PhaseOut(name=name, started_at=first, ended_at=last, seconds=(last - first).total_seconds())
                for name, first, last in times.get(run.id, [])
            ],
        )
        for run in runs
    ]


def _event(row: RunEventRow) -> EventOut:
    return EventOut(**row.model_dump(exclude={"run_id"}))
