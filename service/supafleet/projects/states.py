"""The vocabulary of a project's state, the legal transitions, and the status that is served."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from supafleet.errors import IllegalTransition, timestamp

SERVICES = (
    "db",
    "kong",
    "auth",
    "rest",
    "realtime",
    "storage",
    "imgproxy",
    "meta",
    "functions",
    "analytics",
    "vector",
    "studio",
)


class Status(StrEnum):
    """The official vocabulary, as far as this version reaches it."""

    COMING_UP = "COMING_UP"
    ACTIVE_HEALTHY = "ACTIVE_HEALTHY"
    ACTIVE_UNHEALTHY = "ACTIVE_UNHEALTHY"
    INIT_FAILED = "INIT_FAILED"
    GOING_DOWN = "GOING_DOWN"
    REMOVED = "REMOVED"
    UNKNOWN = "UNKNOWN"  # served when a healthy sighting is too old, never stored


#: What a column may hold; UNKNOWN is computed.
STORED_STATUSES = tuple(status for status in Status if status != Status.UNKNOWN)


class Desired(StrEnum):
    """What the owner wants."""

    ACTIVE = "ACTIVE"
    REMOVED = "REMOVED"


class Observed(StrEnum):
    """What was last seen on the Docker host."""

    UNSEEN = "UNSEEN"
    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
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


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.COMING_UP: frozenset({Status.ACTIVE_HEALTHY, Status.ACTIVE_UNHEALTHY, Status.INIT_FAILED}),
    Status.ACTIVE_HEALTHY: frozenset({Status.ACTIVE_UNHEALTHY, Status.GOING_DOWN}),
    Status.ACTIVE_UNHEALTHY: frozenset({Status.ACTIVE_HEALTHY, Status.GOING_DOWN}),
    Status.INIT_FAILED: frozenset({Status.GOING_DOWN}),
    # A removal that fails leaves something behind: it is named, and can be asked for again.
    Status.GOING_DOWN: frozenset({Status.REMOVED, Status.ACTIVE_UNHEALTHY}),
    Status.REMOVED: frozenset(),
}


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
    return Observed.UNHEALTHY


@dataclass(frozen=True)
class Served:
    """The status as a client is told it."""

    status: Status
    reason: str | None = None
    stale_since: datetime | None = None


def serve(
    status: str, reason: str | None, observed_at: datetime | None, *, now: datetime, deadline: timedelta | None
) -> Served:
    """The status to tell: a healthy sighting that is too old is no longer one."""
    if status == Status.ACTIVE_HEALTHY and deadline is not None and observed_at is not None:
        stale_since = observed_at + deadline
        if now > stale_since:
            seen = timestamp(observed_at)
            sentence = f"The project was last seen healthy at {seen} and has not been looked at since."
            return Served(Status.UNKNOWN, sentence, stale_since)
    return Served(Status(status), reason)
