"""What a look at a whole Docker host means for each project on it, and which runs follow from that."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from supafleet.jobs.engine import JobEngine
from supafleet.projects import repository, service
from supafleet.projects.fold import fold, looked
from supafleet.projects.healing import Count, Policy, decide
from supafleet.projects.models import Project
from supafleet.projects.states import LIVE, Desired, Status
from supafleet.runs import attempts
from supafleet.runs import service as runs
from supafleet.runs.vocabulary import EventKind, RunEvent, RunKind
from supafleet.settings import Settings

_HEALER = "self-healing"
_SCHEDULE = "schedule"


def refs_to_see(session: Session, host_id: int) -> list[str]:
    """Refs of the projects on a Docker host that nobody is changing: what is seen of others would not count."""
    busy = runs.busy_refs(session)
    return [ref for ref in repository.list_refs_on(session, host_id) if ref not in busy]


def fold_sighting(
    session: Session,
    jobs: JobEngine,
    ref: str,
    seen: Mapping[str, Any] | None,
    began_at: datetime,
    at: datetime,
    settings: Settings,
) -> None:
    """Store what a look saw of a project, and request a run that heals it when it is due.

    What was seen later is left alone.

    Args:
        seen: services and objects of the project, None when nothing of it is there.
        began_at: when the look began; it does not count when a change was unfinished at any moment since.
    """
    project = repository.lock_project(session, ref)
    if project is None or attempts.overlaps_change(session, ref, began_at):
        return
    if project.observed_at is not None and at <= project.observed_at:
        return
    services = dict(seen["services"]) if seen else {}
    sighting = RunEvent(at=at, kind=EventKind.SERVICES_OBSERVED, services=services)
    state = looked(fold(service.folded_state(session, ref), sighting))
    decision = _heal(session, jobs, project, state.services, settings, at)
    if decision and state.status == Status.ACTIVE_UNHEALTHY:
        state = replace(state, reason=f"{state.reason} {decision}")
    service.apply_state(session, ref, state, at)


def has_overdue(session: Session) -> bool:
    """Whether a project has wishes that a run could set out to apply now."""
    return bool(_overdue(session))


def converge_overdue(session: Session, jobs: JobEngine) -> None:
    """Request a converge for each project with wishes that no run has set out to apply."""
    for project in _overdue(session):
        service.request_run(session, jobs, RunKind.PROJECT_CONVERGE, project, _SCHEDULE, driver=_SCHEDULE)


def _overdue(session: Session) -> list[Project]:
    """Projects with wishes, but those whose turn comes when their run has ended."""
    overdue = repository.list_overdue(session)
    busy = runs.busy_refs(session) if overdue else set()
    return [project for project in overdue if project.ref not in busy]


def _heal(
    session: Session,
    jobs: JobEngine,
    project: Project,
    services: Mapping[str, Any],
    settings: Settings,
    now: datetime,
) -> str | None:
    """Request a heal when one is due; why there will be none any more, if so."""
    if project.desired_state != Desired.ACTIVE or not project.self_healing:
        return None
    if project.status not in LIVE:
        return None
    policy = Policy(
        limit=settings.heal_limit,
        pause=timedelta(seconds=settings.heal_pause_seconds),
        reset=timedelta(seconds=settings.heal_reset_seconds),
    )
    decision = decide(services, Count(project.heals, project.heal_after), policy, now)
    project.heals, project.heal_after = decision.count.heals, decision.count.heal_after
    if decision.is_due:
        service.request_run(
            session, jobs, RunKind.PROJECT_CONVERGE, project, _HEALER, driver=_SCHEDULE, reason=decision.reason
        )
    return decision.surrender
