"""Health of a project as it is now: asked for, a look at the Docker host is taken and waited for."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Engine

from supafleet.accounts.service import Actor
from supafleet.db import reading, unit_of_work, utc_now
from supafleet.errors import InvalidField, allowed
from supafleet.jobs.engine import JobEngine
from supafleet.projects import service
from supafleet.projects.models import Project, ProjectService
from supafleet.projects.schemas import HealthName, ServiceHealth
from supafleet.projects.states import GOALS, STOPPED_PHASES, ServicePhase, Status
from supafleet.runs import service as runs
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import RunKind
from supafleet.settings import Settings

# A release of this version has no connection pooler, so the two names of one are known but never answered.
_CONTAINERS: dict[HealthName, str | None] = {
    "auth": "auth",
    "db": "db",
    "db_postgres_user": "db",
    "pooler": None,
    "realtime": "realtime",
    "rest": "rest",
    "storage": "storage",
    "pg_bouncer": None,
}
NAMES = tuple(_CONTAINERS)
_NOT_STARTED = frozenset({ServicePhase.MISSING, ServicePhase.CREATED})
#: A run of these brings up what is not.
_BRINGING_UP = {kind: goal for kind, goal in GOALS.items() if goal.reached == Status.ACTIVE_HEALTHY}
_UNDERWAY = frozenset(goal.underway for goal in _BRINGING_UP.values())
_POLL_SECONDS = 0.2
LONGEST_TIMEOUT_MS = 10_000


@dataclass(frozen=True)
class _Sighting:
    project: Project
    services: dict[str, ProjectService]
    is_brought_up: bool
    look_ended: bool


def parse_names(values: Sequence[str]) -> list[HealthName]:
    """The asked services from repeated, comma-joined or single values.

    Raises:
        InvalidField: a name is not known, or none is given.
    """
    asked = [name.strip() for value in values for name in value.split(",") if name.strip()]
    names = [known for known in _CONTAINERS if known in asked]
    if not asked or any(name not in _CONTAINERS for name in asked):
        raise InvalidField("services", f"must be one or more of {allowed(_CONTAINERS)}")
    return names


def check_health(
    engine: Engine,
    jobs: JobEngine,
    ref: str,
    names: Sequence[HealthName],
    timeout_ms: int,
    actor: Actor,
    settings: Settings,
) -> list[ServiceHealth]:
    """Look at the project, wait for what was seen at most this long, and tell it for each name.

    While a run brings the project up or takes it down, that run's own sightings are told.
    """
    asked_at = utc_now()
    fresh_since = asked_at - timedelta(seconds=settings.health_max_age_seconds)
    until = time.monotonic() + timeout_ms / 1000
    look: Run | None = None
    while True:
        sighting = _see(engine, ref, look, actor)
        is_current = _is_told(sighting.project, fresh_since)
        if is_current or time.monotonic() >= until:
            break
        if look is None or sighting.look_ended:
            if look is not None and look.created_at >= asked_at:
                break  # our own look ended and saw nothing
            look = _request_look(engine, jobs, ref, actor)
        time.sleep(_POLL_SECONDS)
    return [_tell(name, container, sighting, is_current) for name in names if (container := _CONTAINERS[name])]


def _see(engine: Engine, ref: str, look: Run | None, actor: Actor) -> _Sighting:
    with reading(engine) as session:
        # The end of the look is read first: what it saw was stored in the same transaction.
        look_ended = look is not None and runs.get_run(session, look.id).ended_at is not None
        project = service.get_project(session, ref, actor)
        change = runs.unfinished_run(session, ref)
        is_brought_up = project.status in _UNDERWAY or (change is not None and change.kind in _BRINGING_UP)
        return _Sighting(project, service.services_of(session, project), is_brought_up, look_ended)


def _request_look(engine: Engine, jobs: JobEngine, ref: str, actor: Actor) -> Run:
    with unit_of_work(engine) as session:
        # When somebody else asked for a look that has not ended, that one is given: it may serve us too.
        project = service.get_project(session, ref, actor)
        return service.request_run(session, jobs, RunKind.PROJECT_OBSERVE, project, actor.username)


def _is_told(project: Project, fresh_since: datetime) -> bool:
    if project.status in (Status.COMING_UP, Status.GOING_DOWN):
        return True
    return project.observed_at is not None and project.observed_at >= fresh_since


def _tell(name: HealthName, container: str, sighting: _Sighting, is_current: bool) -> ServiceHealth:
    if not is_current:
        # Official clients take exactly this sentence as passing.
        return ServiceHealth(
            name=name, healthy=False, status="UNHEALTHY", error=f"Failed to retrieve project's {name} service health"
        )
    row = sighting.services.get(container)
    phase = ServicePhase.MISSING if row is None else ServicePhase(row.phase)
    if phase == ServicePhase.HEALTHY:
        return ServiceHealth(name=name, healthy=True, status="ACTIVE_HEALTHY")
    if _is_coming_up(phase, sighting):
        # Official clients wait for it, and give up on what is UNHEALTHY.
        return ServiceHealth(name=name, healthy=False, status="COMING_UP")
    # A running container has an exit code too, which says nothing.
    code = row.exit_code if row is not None and phase == ServicePhase.EXITED else None
    ending = "" if code is None else f" with code {code}"
    return ServiceHealth(name=name, healthy=False, status="UNHEALTHY", error=f"The container is {phase}{ending}.")


def _is_coming_up(phase: ServicePhase, sighting: _Sighting) -> bool:
    if phase == ServicePhase.STARTING:
        return True
    # These begin with containers that were stopped on purpose; one that ended elsewhere ended by itself.
    if sighting.project.status in (Status.RESTORING, Status.RESTARTING):
        return phase in STOPPED_PHASES
    return sighting.is_brought_up and phase in _NOT_STARTED
