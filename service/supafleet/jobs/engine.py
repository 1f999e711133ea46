"""The port to the job engine: what the rest of the service may ask of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sqlalchemy.engine import Engine
from sqlmodel import Session

from supafleet.runs.vocabulary import Lane
from supafleet.settings import Settings

if TYPE_CHECKING:
    from supafleet.runner.launcher import PlaybookLauncher


@dataclass(frozen=True)
class Job:
    """A run to be carried out; its id is also the idempotency key of the queue."""

    run_id: str
    project_ref: str
    host: str
    lane: Lane = Lane.CHANGE
    priority: int = 10

    @property
    def mutex(self) -> str:
        """Jobs with the same mutex never run at the same time."""
        return f"{self.project_ref}:{self.lane}"


class JobEngine(Protocol):
    """A durable queue. A job that was enqueued is carried out, whatever is killed meanwhile."""

    def enqueue(self, session: Session, job: Job) -> None:
        """Enqueue in the caller's transaction: no commit, no job."""

    def cancel(self, run_id: str) -> None:
        """Drop a job that has not begun; one that runs ends by its run's own wish to be canceled."""

    def start(self) -> None:
        """Begin to carry out jobs, and take up those this worker left unfinished when it died."""

    def stop(self) -> None:
        """End all children. With runs interrupted this ends the process: they stay unfinished and are taken up."""


def build_queueing_engine(settings: Settings) -> JobEngine:
    """The job engine of a process that asks for runs and leaves them to workers elsewhere."""
    from supafleet.jobs.queueing import QueueingJobEngine

    return QueueingJobEngine(settings)


def build_job_engine(settings: Settings, engine: Engine, launcher: "PlaybookLauncher | None" = None) -> JobEngine:
    """The job engine of a process that carries out runs, not started yet.

    Args:
        launcher: starts playbooks; by default ansible-runner in a child process per run.
    """
    # Imported here: whoever only needs the port should not pay for DBOS.
    from supafleet.jobs.durable import DurableJobEngine
    from supafleet.jobs.worker import Worker

    return DurableJobEngine(settings, engine, Worker(settings, engine, launcher))
