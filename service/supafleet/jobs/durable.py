"""The job engine over DBOS that carries jobs out; `queueing` is the part that only asks for them."""

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from dbos import (
    DBOS,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    SetEnqueueOptions,
    run_dbos_database_migrations,
)
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from supafleet.db import sqlalchemy_url, unit_of_work
from supafleet.jobs.admission import Admission
from supafleet.jobs.chore import Chore
from supafleet.jobs.engine import Job
from supafleet.jobs.heartbeat import Heartbeat
from supafleet.jobs.identity import ExecutorIdentity, claim_identity
from supafleet.jobs.observer import Observer
from supafleet.jobs.queueing import APPLICATION, JOB, PROJECTS, VERSION, QueueingJobEngine
from supafleet.jobs.stranded import StrandedSearch
from supafleet.jobs.tidying import Tidying
from supafleet.jobs.worker import Worker
from supafleet.runs import attempts
from supafleet.runs.vocabulary import Lane
from supafleet.settings import Settings

_HOSTS = "hosts"
#: Not the name of before: a queue called "slots" may hold jobs that were put there without a lane.
_SLOTS = "lanes"
#: The mean wait of a job is half of it; each poll costs some milliseconds of processor time, also when idle.
_POLLING_SECONDS = 0.2
_CLUSTER_POLLING_SECONDS = 0.3
#: The worker itself ends a run that is cut off too often, with a sentence. This is far beyond its limit: a job that
#: waits for its turn is taken up at every start, too.
_MOST_RECOVERIES = 200


@event.listens_for(Engine, "handle_error")
def _know_a_refused_connection(context: ExceptionContext) -> None:
    """Mark a connection that could not be made as what it is.

    DBOS waits for its database to come back, but knows such an error only by the words "connection failed". A socket
    that is gone, a closed port of this machine and a name without an address are told in other words, which would end
    the job with that error, and nobody would carry out its run any more.
    """
    if context.connection is None and isinstance(context.original_exception, psycopg.OperationalError):
        context.is_disconnect = True


class DurableJobEngine:
    """Queues and recovery by DBOS; what a job does is the worker's."""

    def __init__(self, settings: Settings, engine: Engine, worker: Worker) -> None:
        self._settings = settings
        self._engine = engine
        self._worker = worker
        self._url = sqlalchemy_url(settings.resolved_database_url)
        self._is_embedded = engine.dialect.name == "sqlite"
        self._identity: ExecutorIdentity | None = None
        self._heartbeat: Heartbeat | None = None
        self._observer: Observer | None = None
        self._chores: list[Chore] = []
        self._queue = QueueingJobEngine(settings)

    def enqueue(self, session: Session, job: Job) -> None:
        """Enqueue in the caller's transaction."""
        self._queue.enqueue(session, job)

    def cancel(self, run_id: str) -> None:
        """Take a job out of the queue."""
        DBOS.cancel_workflow(run_id, cancel_children=True)

    def start(self) -> None:
        """Beat, and launch DBOS, which takes up this worker's own unfinished jobs."""
        identity = claim_identity(self._settings.data_dir)
        self._identity = identity
        self._worker.become(identity.executor_id)
        # DBOS leaves the journal mode as it is; ours is set by our own connection and persists in the file.
        with self._engine.connect():
            pass
        with unit_of_work(self._engine) as session:
            # They are of the process before this one. DBOS gives its jobs to whoever asks first, which may be another
            # worker; that takes no run from one that lives, and by its name this one does.
            attempts.release(session, identity.executor_id)
        self._heartbeat = Heartbeat(
            self._engine,
            self._settings,
            identity.executor_id,
            worker=self._worker,
            recover=_recover,
            cancel=self.cancel,
        )
        # Jobs run from the launch on: others must know by then that this worker lives, and that it died if it does.
        self._heartbeat.begin()
        problems: list[BaseException] = []
        thread = threading.Thread(target=self._launch, args=(identity.executor_id, problems))
        thread.start()
        thread.join()
        if problems:
            raise problems[0]
        self._heartbeat.start()
        self._chores = [
            StrandedSearch(self._engine, self._settings, self._worker, _states),
            Tidying(self._engine, self._settings, _forget),
        ]
        for chore in self._chores:
            chore.start()
        self._observer = Observer(self._engine, self._settings, self, self._worker.launcher)
        self._observer.start()

    def stop(self) -> None:
        """End the children; the process too when runs were interrupted.

        Their steps must neither return nor raise: that would be recorded as the job's result.
        """
        if self._identity is None:
            return
        if self._observer is not None:
            self._observer.stop()
        for chore in self._chores:
            chore.stop()
        if self._heartbeat is not None:
            self._heartbeat.stop()
        interrupted = self._worker.stop()
        if self._observer is not None:
            self._observer.join()
        if self._heartbeat is not None:
            with contextlib.suppress(SQLAlchemyError):
                self._heartbeat.retire()
        if interrupted:
            os._exit(0)
        DBOS.destroy(destroy_registry=True)
        self._queue.stop()
        self._identity.release()
        self._identity = None

    def _launch(self, executor_id: str, problems: list[BaseException]) -> None:
        """In a thread of its own: DBOS would otherwise adopt the event loop of the API."""
        try:
            config: DBOSConfig = {
                "name": APPLICATION,
                "system_database_url": self._url,
                "executor_id": executor_id,
                "application_version": VERSION,
                # The default is pickle: code execution for whoever can write the database.
                "serializer": DBOSPortableJSONSerializer(),
                "use_listen_notify": True,
                "sys_db_pool_size": 10,
                "log_level": "WARNING",
                "run_migrations": self._is_embedded,
            }
            if self._url.startswith("sqlite"):
                # A stop waits for it; nothing of ours is ever told this way.
                config["notification_listener_polling_interval_sec"] = _POLLING_SECONDS
            if not self._is_embedded:
                run_dbos_database_migrations(self._url)
            DBOS(config=config)
            self._register_workflows()
            DBOS.launch()
            self._register_queues()
        except BaseException as error:  # handed to the thread that waits
            problems.append(error)

    def _register_queues(self) -> None:
        polling = _POLLING_SECONDS if self._is_embedded else _CLUSTER_POLLING_SECONDS
        DBOS.register_queue(
            PROJECTS,
            partition_concurrency=1,
            # Never reached. With a limit DBOS asks an idle queue in half the time (1.6 ms instead of 3.7 on SQLite, 2.7
            # instead of 4.7 on PostgreSQL): without, it puts one statement for all partitions together at each poll.
            partition_limiter={"limit": 1000, "period": 1},
            polling_interval_sec=polling,
        )
        if not self._is_embedded:
            limit, slots = self._settings.host_run_limit, self._settings.worker_slots
            DBOS.register_queue(_HOSTS, partition_concurrency=limit, polling_interval_sec=polling)
            # Looking has slots of its own: it must not wait until somebody else's project is created.
            DBOS.register_queue(_SLOTS, partition_worker_concurrency=slots, polling_interval_sec=polling)

    def _register_workflows(self) -> None:
        worker, settings = self._worker, self._settings
        admissions = {lane: Admission(settings.host_run_limit, settings.worker_slots) for lane in Lane}

        async def _play(run_id: str) -> dict[str, Any]:
            return await worker.play(run_id)

        play = DBOS.step(name="play", preemptible=True)(_play)

        async def run_here(run_id: str, host: str, lane: str, priority: int) -> Any:
            async with admissions[Lane(lane)].hold(host, priority):
                return await play(run_id)

        async def run_in_slot(run_id: str) -> Any:
            return await play(run_id)

        async def run_on_host(run_id: str, lane: str, priority: int) -> Any:
            with SetEnqueueOptions(queue_partition_key=lane, priority=priority):
                handle = await DBOS.enqueue_workflow_async(_SLOTS, slot_workflow, run_id)
            return await handle.get_result()

        async def run(run_id: str, host: str, lane: str, priority: int) -> Any:
            with SetEnqueueOptions(queue_partition_key=f"{host}:{lane}", priority=priority):
                handle = await DBOS.enqueue_workflow_async(_HOSTS, host_workflow, run_id, lane, priority)
            return await handle.get_result()

        _workflow(JOB, run_here if self._is_embedded else run)
        host_workflow = _workflow("run.host.v1", run_on_host)
        slot_workflow = _workflow("run.slot.v1", run_in_slot)


def _workflow(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    registered: Callable[..., Any] = DBOS.workflow(name=name, max_recovery_attempts=_MOST_RECOVERIES)(function)
    return registered


def _recover(executor_id: str) -> int:
    """Take up the unfinished jobs of a dead worker; how many it had.

    A private method of DBOS, without which a dead worker's jobs wait for its restart. It is idempotent, and the
    kill tests hold it.
    """
    DBOS._recover_pending_workflows([executor_id])
    return len(DBOS.list_workflows(status="PENDING", executor_id=[executor_id]))


def _states(run_ids: Sequence[str]) -> dict[str, str]:
    """The states of the jobs that there are, by run."""
    found = DBOS.list_workflows(workflow_ids=list(run_ids), load_input=False, load_output=False)
    return {job.workflow_id: job.status for job in found}


def _forget(run_ids: list[str]) -> None:
    """Remove the jobs of runs that were forgotten: DBOS itself keeps finished ones for ever."""
    DBOS.delete_workflows(run_ids, delete_children=True)
