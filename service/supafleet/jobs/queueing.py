"""Putting jobs into the queue: all of the job engine that a process needs which carries nothing out."""

from dbos import DBOSClient, DBOSPortableJSONSerializer, run_dbos_database_migrations
from sqlmodel import Session

from supafleet.db import sqlalchemy_url
from supafleet.jobs.engine import Job
from supafleet.settings import Settings

APPLICATION = "supafleet"
#: Pinned: by default it is a hash of the code, and unfinished jobs would be stranded by every upgrade.
VERSION = "1"
PROJECTS = "projects"
JOB = "run.v1"


class QueueingJobEngine:
    """The job engine of a process without a worker. DBOS is never launched here: that would begin to dequeue."""

    def __init__(self, settings: Settings) -> None:
        self._url = sqlalchemy_url(settings.resolved_database_url)
        self._client: DBOSClient | None = None

    def enqueue(self, session: Session, job: Job) -> None:
        """Enqueue in the caller's transaction."""
        options = {
            "queue_name": PROJECTS,
            "workflow_name": JOB,
            "workflow_id": job.run_id,
            "queue_partition_key": job.mutex,
            "priority": job.priority,
            "app_version": VERSION,
        }
        self._open_client().enqueue_in_transaction(session, options, job.run_id, job.host, job.lane.value, job.priority)

    def cancel(self, run_id: str) -> None:
        """Take a job out of the queue."""
        self._open_client().cancel_workflow(run_id, cancel_children=True)

    def start(self) -> None:
        """Make the queue's tables: a request may come before the first worker."""
        run_dbos_database_migrations(self._url)

    def stop(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.destroy()
            self._client = None

    def _open_client(self) -> DBOSClient:
        if self._client is None:
            self._client = DBOSClient(
                system_database_url=self._url,
                application_name=APPLICATION,
                serializer=DBOSPortableJSONSerializer(),
                lazy=True,
            )
        return self._client
