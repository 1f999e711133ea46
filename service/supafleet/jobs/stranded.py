"""Runs that nobody will carry out any more: their jobs are over and they are not.

This should not happen. It is looked for because such a run would hold its project for ever.
"""

from collections.abc import Callable, Mapping, Sequence

import structlog
from sqlalchemy.engine import Engine

from supafleet.db import reading
from supafleet.jobs import repository
from supafleet.jobs.chore import Chore
from supafleet.jobs.ending import end_unfinished
from supafleet.jobs.worker import Worker
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runs import attempts
from supafleet.runs.models import Run
from supafleet.settings import Settings

_BEATS_BETWEEN_SEARCHES = 6
_log = structlog.get_logger(__name__)

#: The states of jobs that are over, in words that say what became of the job.
_OVER = {
    "SUCCESS": "is over",
    "ERROR": "ended with an error",
    "CANCELLED": "was canceled",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "was cut off too often",
}
_GONE = "is gone"

JobStates = Callable[[Sequence[str]], Mapping[str, str]]


class StrandedSearch(Chore):
    """Looks for such runs, in a thread of its own: to ask for the states of jobs waits for the end of an outage."""

    def __init__(self, engine: Engine, settings: Settings, worker: Worker, job_states: JobStates) -> None:
        super().__init__("stranded", settings.worker_beat_seconds * _BEATS_BETWEEN_SEARCHES)
        self._engine = engine
        self._settings = settings
        self._worker = worker
        self._job_states = job_states

    def work(self) -> None:
        """End those that there are."""
        end_stranded(self._engine, self._worker, self._settings.worker_dead_seconds, self._job_states)


def end_stranded(engine: Engine, worker: Worker, dead_seconds: float, job_states: JobStates) -> None:
    """End, truthfully, each unfinished run whose job is over and which no living worker is at.

    Args:
        dead_seconds: a worker without a beat for so long does not live.
        job_states: the states of the jobs that there are, by run.
    """
    # Read in this order: whoever carries out a run ends it before its job is over.
    with reading(engine) as session:
        unfinished = attempts.list_unfinished(session)
        living = repository.list_living(session, dead_seconds)
    left = [run for run in unfinished if not _is_attended(run, worker, living)]
    states = job_states([run.id for run in left]) if left else {}
    for run in left:
        state = states.get(run.id)
        if state is not None and state not in _OVER:
            continue
        ended = end_unfinished(engine, run.id, run.attempt, _outcome(run, _OVER[state] if state else _GONE))
        if ended is not None:
            _log.warning("run.stranded", run_id=run.id, job=state, status=ended)


def _is_attended(run: Run, worker: Worker, living: set[str]) -> bool:
    """Another living worker looks after its own runs itself."""
    if run.executor == worker.executor_id:
        return worker.is_playing(run.id)
    return run.executor in living


def _outcome(run: Run, told: str) -> LaunchOutcome:
    if run.cancel_requested_at is not None:
        return LaunchOutcome("canceled", "The run was canceled.")
    return LaunchOutcome("error", f"Nobody carries out this run any more: its job {told}.")
