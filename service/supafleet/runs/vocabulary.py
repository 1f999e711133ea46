"""Words of a run: its kinds, states and events. Pure data, imported by every layer."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class RunKind(StrEnum):
    """What a run does; each kind is a playbook of the same name."""

    PROJECT_CREATE = "project_create"
    PROJECT_CONVERGE = "project_converge"
    PROJECT_PAUSE = "project_pause"
    PROJECT_RESUME = "project_resume"
    PROJECT_RESTART = "project_restart"
    PROJECT_DELETE = "project_delete"
    PROJECT_OBSERVE = "project_observe"

    @property
    def playbook(self) -> str:
        return f"{self.value}.yml"

    @property
    def lane(self) -> "Lane":
        """Only looking does not wait for those who change something, nor they for it."""
        return Lane.OBSERVE if self is RunKind.PROJECT_OBSERVE else Lane.CHANGE

    @property
    def sentence(self) -> str:
        """What a run of this kind is doing, for "the project is busy: ..."."""
        return {
            RunKind.PROJECT_CREATE: "creating the project",
            RunKind.PROJECT_CONVERGE: "converging the project",
            RunKind.PROJECT_PAUSE: "pausing the project",
            RunKind.PROJECT_RESUME: "resuming the project",
            RunKind.PROJECT_RESTART: "restarting the project",
            RunKind.PROJECT_DELETE: "deleting the project",
            RunKind.PROJECT_OBSERVE: "observing the project",
        }[self]


#: Kinds that make a project what its settings say.
GENERATION_KINDS = frozenset(
    {RunKind.PROJECT_CREATE, RunKind.PROJECT_CONVERGE, RunKind.PROJECT_RESUME, RunKind.PROJECT_RESTART}
)


class Lane(StrEnum):
    """One unfinished run per project and lane."""

    CHANGE = "change"
    OBSERVE = "observe"


class RunStatus(StrEnum):
    """Where a run is; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class EventKind(StrEnum):
    """What an event tells; `run.ended` is always the last one of a run."""

    RUN_STARTED = "run.started"
    PHASE_STARTED = "phase.started"
    TASK_OK = "task.ok"
    TASK_CHANGED = "task.changed"
    TASK_FAILED = "task.failed"
    SERVICES_OBSERVED = "services.observed"
    HOST_OBSERVED = "host.observed"
    LOGS_READ = "logs.read"  # streamed to who asked, never stored
    CHECKS_REPORTED = "checks.reported"
    RUN_ENDED = "run.ended"


#: Events that a reader waits for: stored at once instead of with the next batch.
URGENT_KINDS = frozenset(
    {
        EventKind.RUN_STARTED,
        EventKind.PHASE_STARTED,
        EventKind.TASK_FAILED,
        EventKind.SERVICES_OBSERVED,
        EventKind.CHECKS_REPORTED,
        EventKind.RUN_ENDED,
    }
)


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One thing that happened in a run; it gets its number when it is stored."""

    at: datetime
    kind: EventKind
    phase: str | None = None
    task: str | None = None
    message: str | None = None
    services: dict[str, dict[str, Any]] | None = None
    detail: dict[str, Any] | None = None
