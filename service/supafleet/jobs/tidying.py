"""Forgetting what ended long ago, once an hour: there may be much of it."""

from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy.engine import Engine

from supafleet.accounts import sessions
from supafleet.audit import service as audit
from supafleet.db import reading, unit_of_work, utc_now
from supafleet.jobs.chore import Chore
from supafleet.organizations import invitations
from supafleet.runs import attempts
from supafleet.settings import Settings

_PAUSE_SECONDS = 3600.0
#: Each batch is a transaction, and on SQLite whoever writes waits for it.
_BATCH_RUNS = 100
_log = structlog.get_logger(__name__)


class Tidying(Chore):
    """Removes runs that ended long ago, with their events and jobs; old changes, and what ended of accounts."""

    def __init__(self, engine: Engine, settings: Settings, forget_jobs: Callable[[list[str]], None]) -> None:
        super().__init__("tidying", _PAUSE_SECONDS)
        self._engine = engine
        self._settings = settings
        self._forget_jobs = forget_jobs

    def work(self) -> None:
        """Forget what is too old by now."""
        self._forget_runs()
        self._forget_the_rest()

    def _forget_runs(self) -> None:
        moment = utc_now() - timedelta(days=self._settings.run_retention_days)
        count = 0
        while not self.is_stopping:
            with reading(self._engine) as session:
                run_ids = attempts.list_ended_before(session, moment, _BATCH_RUNS)
            if run_ids:
                # Jobs first: a run that is still there leads to its job again, but no job leads to its run.
                self._forget_jobs(run_ids)
                with unit_of_work(self._engine) as session:
                    attempts.forget(session, run_ids)
                count += len(run_ids)
            if len(run_ids) < _BATCH_RUNS:
                break
        if count:
            _log.info("runs.forgotten", count=count)

    def _forget_the_rest(self) -> None:
        with unit_of_work(self._engine) as session:
            audit.forget_before(session, utc_now() - timedelta(days=self._settings.audit_retention_days))
            sessions.forget_old(session, utc_now())
            invitations.forget_old(session, utc_now())
