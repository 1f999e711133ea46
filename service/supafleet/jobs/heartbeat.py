"""A worker's heartbeat, the reaper of dead workers, and the watch for cancel requests, in one thread."""

import time
from collections.abc import Callable

import structlog
from sqlalchemy.engine import Engine

from supafleet.db import reading, unit_of_work
from supafleet.jobs import repository
from supafleet.jobs.chore import Chore
from supafleet.jobs.worker import Worker
from supafleet.runs import attempts
from supafleet.settings import Settings

_TICK_SECONDS = 1.0
_log = structlog.get_logger(__name__)


class Heartbeat(Chore):
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
    ) -> None:
        super().__init__("heartbeat", min(_TICK_SECONDS, settings.worker_beat_seconds))
        self._engine = engine
        self._settings = settings
        self._executor_id = executor_id
        self._worker = worker
        self._recover = recover
        self._cancel = cancel
        self._steady_since: float | None = None
        self._last_beat = float("-inf")

    def begin(self) -> None:
        """Beat for the first time: before any run is taken up, so that others know whose it is."""
        self._beat()

    def retire(self) -> None:
        """Tell others not to wait for this worker: it goes of its own will."""
        with unit_of_work(self._engine) as session:
            repository.retire(session, self._executor_id)

    def work(self) -> None:
        """Beat when it is time, and look after others."""
        if time.monotonic() - self._last_beat >= self._settings.worker_beat_seconds:
            self._beat()
            self._reap()
        self._heed_cancel_requests()

    def note_failure(self, error: Exception) -> None:
        """Judge nobody for a while: an outage makes every worker look dead to one who missed a beat."""
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
            with unit_of_work(self._engine) as session:
                if executor_id in repository.list_living(session, dead_seconds):
                    continue
                # It may come back before its runs are begun elsewhere.
                attempts.release(session, executor_id)
            unfinished = self._recover(executor_id)
            _log.warning("worker.reaped", executor=executor_id, jobs=unfinished)
            if not unfinished:
                with unit_of_work(self._engine) as session:
                    repository.forget(session, executor_id, dead_seconds)

    def _heed_cancel_requests(self) -> None:
        with reading(self._engine) as session:
            waiting, running = attempts.cancel_requests(session, self._executor_id)
        for run_id in running:
            self._worker.cancel(run_id)
        for run_id in waiting:
            if self._worker.cancel_waiting(run_id):
                self._cancel(run_id)
