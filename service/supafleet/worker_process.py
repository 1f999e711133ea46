"""A process that carries out runs and serves no HTTP: so several machines share the work of one database."""

import signal
from queue import SimpleQueue
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from supafleet.bootstrap import prepare
from supafleet.db import engine_from_url
from supafleet.errors import StartRefused
from supafleet.jobs.engine import JobEngine, build_job_engine
from supafleet.logs import configure_logging
from supafleet.settings import Settings

if TYPE_CHECKING:
    from supafleet.runner.launcher import PlaybookLauncher

log = structlog.get_logger(__name__)


def run_worker_process(settings: Settings, launcher: "PlaybookLauncher | None" = None) -> None:
    """Carry out runs until SIGTERM or SIGINT.

    Args:
        launcher: starts playbooks; ansible-runner when None, a scripted one in tests.

    Raises:
        StartRefused: the settings or the database do not allow a start.
    """
    configure_logging(settings)
    # From here on: a signal that comes during the start is heeded when the start is done, and nothing is left behind.
    stops = _stop_signals()
    try:
        require_shared_database(settings)
        engine = engine_from_url(settings.resolved_database_url)
        try:
            jobs = _start(settings, engine, launcher)
            log.info("worker.started", database=engine.dialect.name)
            stops.get()
            jobs.stop()
            log.info("worker.stopped")
        finally:
            engine.dispose()
    except StartRefused as error:
        log.error("worker.refused", reason=error.message)
        raise


def require_shared_database(settings: Settings) -> None:
    """Refuse a database that one process has for itself.

    Raises:
        StartRefused: it is not PostgreSQL.
    """
    if not settings.resolved_database_url.startswith("postgres"):
        raise StartRefused(
            "database_url: must be a postgresql:// address for a worker of its own; "
            "on SQLite the worker is part of `supafleet serve`"
        )


def _start(settings: Settings, engine: Engine, launcher: "PlaybookLauncher | None") -> JobEngine:
    try:
        prepare(settings, engine)
    except OperationalError as error:
        # Its text may hold the address of the database, which holds the password.
        raise StartRefused(f"database_url: the database does not answer ({type(error.orig).__name__})") from None
    jobs = build_job_engine(settings, engine, launcher)
    jobs.start()
    return jobs


def _stop_signals() -> "SimpleQueue[int]":
    # Its `put` may be called in a signal handler, other than that of an event or an ordinary queue.
    stops: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: stops.put(received))
    return stops
