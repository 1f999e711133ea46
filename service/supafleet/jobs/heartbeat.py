"""A worker's heartbeat, the reaper of dead workers, and the watch for cancel requests, in one thread."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy.engine import Engine

from supafleet.accounts import sessions
from supafleet.audit import service as audit
from supafleet.db import reading, unit_of_work, utc_now
from supafleet.jobs import repository
from supafleet.jobs.worker import Worker
from supafleet.organizations import invitations
from supafleet.runs import attempts
from supafleet.settings import Settings

_TICK_SECONDS = 1.0
_TIDYING_SECONDS = 3600.0
_log = structlog.get_logger(__name__)


class Heartbeat:
    """Tells the database and the children that this worker lives, and looks after those that do not."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        executor_id: str,
        *,
        worker: Worker,
        recover: Callable[[str], int],
        cancel: Callable[[str], None],
        forget: Callable[[list[str]], None],
    ) -> None:
        self._engine = engine
        self._settings = settings
        self._executor_id = executor_id
        self._worker = worker
        self._recover = recover
        self._cancel = cancel
        self._forget = forget
        self._last_tidying = float("-inf")
        self._stop = threading.Event()
        self._steady_since: float | None = None
        self._last_beat = float("-inf")
        self._thread = threading.Thread(target=self._loop, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Beat once, then in the background."""
        self._beat()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def retire(self) -> None:
        """Tell others not to wait for this worker: it goes of its own will."""
        with unit_of_work(self._engine) as session:
            repository.retire(session, self._executor_id)

    def _loop(self) -> None:
        tick = min(_TICK_SECONDS, self._settings.worker_beat_seconds)
        while not self._stop.wait(tick):
            try:
                if time.monotonic() - self._last_beat >= self._settings.worker_beat_seconds:
                    self._beat()
                    self._reap()
                self._heed_cancel_requests()
                self._tidy()
            except Exception as error:  # the thread must live: without it all children lose their lease
                # An outage makes every worker look dead; only one who never missed a beat may judge others.
                self._steady_since = None
                _log.warning("heartbeat.failed", executor=self._executor_id, reason=type(error).__name__)

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._last_beat > self._settings.worker_beat_seconds * 3:
            self._steady_since = None
        with unit_of_work(self._engine) as session:
            repository.beat(session, self._executor_id)
        self._last_beat = now
        if self._steady_since is None:
            self._steady_since = now
        # A ping follows a good beat only: a child's lease then ends before others count this worker as dead.
        self._worker.ping()

    def _reap(self) -> None:
        dead_seconds = self._settings.worker_dead_seconds
        if self._steady_since is None or time.monotonic() - self._steady_since < dead_seconds:
            return
        with reading(self._engine) as session:
            dead = repository.find_dead(session, dead_seconds, self._executor_id)
        for executor_id in dead:
            unfinished = self._recover(executor_id)
            _log.warning("worker.reaped", executor=executor_id, jobs=unfinished)
            if not unfinished:
                with unit_of_work(self._engine) as session:
                    repository.forget(session, executor_id, dead_seconds)

    def _tidy(self) -> None:
        """Forget runs that ended long ago, and their jobs; old changes, and what ended of accounts."""
        if time.monotonic() - self._last_tidying < _TIDYING_SECONDS:
            return
        self._last_tidying = time.monotonic()
        moment = utc_now() - timedelta(days=self._settings.run_retention_days)
        with unit_of_work(self._engine) as session:
            run_ids = attempts.forget_ended_before(session, moment)
        if run_ids:
            self._forget(run_ids)
            _log.info("runs.forgotten", count=len(run_ids))
        with unit_of_work(self._engine) as session:
            audit.forget_before(session, utc_now() - timedelta(days=self._settings.audit_retention_days))
            sessions.forget_old(session, utc_now())
            invitations.forget_old(session, utc_now())

    def _heed_cancel_requests(self) -> None:
        with reading(self._engine) as session:
            waiting, running = attempts.cancel_requests(session, self._executor_id)
        for run_id in running:
            self._worker.cancel(run_id)
        for run_id in waiting:
            if self._worker.cancel_waiting(run_id):
                self._cancel(run_id)
