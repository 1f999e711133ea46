"""A job engine for tests of services and routes: it remembers, and carries nothing out."""

from sqlmodel import Session

from supafleet.jobs.engine import Job


class RecordingJobEngine:
    """Remembers what was enqueued and canceled."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.canceled: list[str] = []
        self.is_started = False

    def enqueue(self, session: Session, job: Job) -> None:  # noqa: ARG002 - the port gives it
        """Remember the job, whether or not the caller commits."""
        self.jobs.append(job)

    def cancel(self, run_id: str) -> None:
        """Remember it."""
        self.canceled.append(run_id)

    def start(self) -> None:
        """Nothing to start."""
        self.is_started = True

    def stop(self) -> None:
        """Nothing to stop."""
        self.is_started = False
