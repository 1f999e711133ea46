"""The vocabulary of a project's state, the legal transitions, and the status that is served."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from supafleet.errors import IllegalTransition, timestamp
from supafleet.runs.vocabulary import RunKind
from supafleet.stack.settings import SERVICES


class Status(StrEnum):
    """The official vocabulary, as far as this version reaches it."""

    COMING_UP = "COMING_UP"
    ACTIVE_HEALTHY = "ACTIVE_HEALTHY"
    ACTIVE_UNHEALTHY = "ACTIVE_UNHEALTHY"
    INIT_FAILED = "INIT_FAILED"
    PAUSING = "PAUSING"
    INACTIVE = "INACTIVE"
    PAUSE_FAILED = "PAUSE_FAILED"
    RESTORING = "RESTORING"
    RESTORE_FAILED = "RESTORE_FAILED"
    RESTARTING = "RESTARTING"
    GOING_DOWN = "GOING_DOWN"
    REMOVED = "REMOVED"
    UNKNOWN = "UNKNOWN"  # served when the last sighting is too old, never stored


#: What a column may hold; UNKNOWN is computed.
STORED_STATUSES = tuple(status for status in Status if status != Status.UNKNOWN)


class Desired(StrEnum):
    """What the owner wants."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    REMOVED = "REMOVED"


class Observed(StrEnum):
    """What was last seen on the Docker host."""

    UNSEEN = "UNSEEN"
    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    STOPPED = "STOPPED"
    ABSENT = "ABSENT"


class ServicePhase(StrEnum):
    """What was last seen of one container."""

    MISSING = "missing"
    CREATED = "created"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    EXITED = "exited"
    RESTARTING = "restarting"
    UNEXPECTED = "unexpected"  # it runs though its project is paused, or no release knows it


#: Of the name of a service: a stranger's is a label that anybody chose.
NAME_LENGTH = 16

#: A container in one of these does not run, and a converge brings it back; one that runs badly is not replaced by it.
STOPPED_PHASES = frozenset({ServicePhase.MISSING, ServicePhase.CREATED, ServicePhase.EXITED})

#: A container in one of these is not well. One that is missing, created or starting may just be made anew by a run.
SICK_PHASES = frozenset({ServicePhase.UNHEALTHY, ServicePhase.EXITED, ServicePhase.RESTARTING})

#: The project is up, well or not.
LIVE = frozenset({Status.ACTIVE_HEALTHY, Status.ACTIVE_UNHEALTHY})
_TO_LEAVE = frozenset({Status.PAUSING, Status.RESTARTING, Status.GOING_DOWN})

#: A run that could not tell its project that it ended leaves it underway. While a run is, its project is busy anyway.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.COMING_UP: LIVE | {Status.INIT_FAILED, Status.RESTARTING, Status.GOING_DOWN},
    Status.ACTIVE_HEALTHY: _TO_LEAVE | {Status.ACTIVE_UNHEALTHY},
    Status.ACTIVE_UNHEALTHY: _TO_LEAVE | {Status.ACTIVE_HEALTHY},
    # A restart converges too, so it is the way out when what was missing is there now.
    Status.INIT_FAILED: frozenset({Status.RESTARTING, Status.GOING_DOWN}),
    Status.PAUSING: frozenset({Status.INACTIVE, Status.PAUSE_FAILED, Status.GOING_DOWN}),
    Status.INACTIVE: frozenset({Status.PAUSING, Status.RESTORING, Status.GOING_DOWN}),
    Status.PAUSE_FAILED: frozenset({Status.PAUSING, Status.RESTORING, Status.GOING_DOWN}),
    Status.RESTORING: frozenset({Status.ACTIVE_HEALTHY, Status.RESTORE_FAILED, Status.GOING_DOWN}),
    Status.RESTORE_FAILED: frozenset({Status.PAUSING, Status.RESTORING, Status.RESTARTING, Status.GOING_DOWN}),
    Status.RESTARTING: LIVE | {Status.GOING_DOWN},
    # A removal that fails leaves something behind: it is named, and can be asked for again.
    Status.GOING_DOWN: frozenset({Status.REMOVED, Status.ACTIVE_UNHEALTHY}),
    Status.REMOVED: frozenset(),
}

#: A project in one of these stays as it is until somebody asks for something, so its last sighting grows old.
SETTLED = LIVE | {Status.INACTIVE}


@dataclass(frozen=True)
class Goal:
    """What a kind of run makes of its project: while it works, when its end was seen, and when it failed."""

    reached: Status
    failed: Status
    underway: Status | None = None


GOALS: dict[RunKind, Goal] = {
    RunKind.PROJECT_CREATE: Goal(Status.ACTIVE_HEALTHY, Status.INIT_FAILED, Status.COMING_UP),
    RunKind.PROJECT_CONVERGE: Goal(Status.ACTIVE_HEALTHY, Status.ACTIVE_UNHEALTHY),
    RunKind.PROJECT_PAUSE: Goal(Status.INACTIVE, Status.PAUSE_FAILED, Status.PAUSING),
    RunKind.PROJECT_RESUME: Goal(Status.ACTIVE_HEALTHY, Status.RESTORE_FAILED, Status.RESTORING),
    RunKind.PROJECT_RESTART: Goal(Status.ACTIVE_HEALTHY, Status.ACTIVE_UNHEALTHY, Status.RESTARTING),
    RunKind.PROJECT_DELETE: Goal(Status.REMOVED, Status.ACTIVE_UNHEALTHY, Status.GOING_DOWN),
}

#: What a project is told to be while a run of it is asked for or at work.
UNDERWAY = frozenset(goal.underway for goal in GOALS.values() if goal.underway is not None)


def move(current: str, target: Status, *, verb: str) -> Status:
    """The target, when the table allows it; staying where one is always is.

    Raises:
        IllegalTransition: the table does not allow it.
    """
    if target != current and target not in TRANSITIONS[Status(current)]:
        raise IllegalTransition(f"A project that is {current} cannot {verb}.")
    return target


def summarize(phases: dict[str, str]) -> Observed:
    """What a sighting of single services says of the whole project."""
    seen = [phases.get(service, ServicePhase.MISSING) for service in SERVICES]
    if all(phase == ServicePhase.HEALTHY for phase in seen):
        return Observed.HEALTHY
    if all(phase == ServicePhase.MISSING for phase in seen):
        return Observed.ABSENT
    if all(phase in STOPPED_PHASES for phase in seen):
        return Observed.STOPPED
    return Observed.UNHEALTHY


@dataclass(frozen=True)
class Served:
    """The status as a client is told it."""

    status: Status
    reason: str | None = None
    stale_since: datetime | None = None


def serve(
    status: str,
    reason: str | None,
    observed_at: datetime | None,
    *,
    now: datetime,
    deadline: timedelta,
    why_unseen: str | None = None,
) -> Served:
    """The status to tell: one that was seen too long ago is not known any more.

    Args:
        why_unseen: why looks at the project's Docker host fail, if they do.
    """
    since = stale_since(status, observed_at, now, deadline)
    if observed_at is None or since is None:
        return Served(Status(status), reason)
    seen = f"The project was last seen {status} at {timestamp(observed_at)} and could not be looked at since."
    return Served(Status.UNKNOWN, f"{seen} {why_unseen}" if why_unseen else seen, since)


def stale_since(status: str, observed_at: datetime | None, now: datetime, deadline: timedelta) -> datetime | None:
    """Since when a status is too old to be told, None while it is not."""
    if status not in SETTLED or observed_at is None:
        return None
    lapsed_at = observed_at + deadline
    return lapsed_at if now > lapsed_at else None
