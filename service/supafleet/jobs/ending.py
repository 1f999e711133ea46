"""Ending a run from outside its attempt: nothing carries it out any more, or what did has failed."""

import structlog
from sqlalchemy.engine import Engine

from supafleet.db import reading, unit_of_work, utc_now
from supafleet.errors import AppError
from supafleet.jobs.outage import is_outage
from supafleet.jobs.recorder import begin_recorder
from supafleet.projects import service as projects
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runs import attempts
from supafleet.runs.attempts import AttemptLostError
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import GENERATION_KINDS, EventKind, RunEvent, RunKind, RunStatus
from supafleet.runs.wakeup import wakeups

_log = structlog.get_logger(__name__)


def end_unfinished(engine: Engine, run_id: str, attempt: int | None, outcome: LaunchOutcome) -> RunStatus | None:
    """End a run as its attempt would have, or, when that fails too, by its own row alone.

    Args:
        attempt: the attempt that the run must still be at, None for any.

    Returns:
        How it ended; None when it had ended, or belongs to another attempt.
    """
    with reading(engine) as session:
        run = attempts.find_unfinished(session, run_id, attempt)
    if run is None:
        return None
    try:
        return _end_as_its_attempt(engine, run, outcome)
    except AttemptLostError:
        return None
    except Exception as error:
        if is_outage(error):
            raise
        _log.exception("run.finish_failed", run_id=run_id)
    try:
        return _end_alone(engine, run, outcome)
    except AttemptLostError:
        return None


def failure_of(error: Exception) -> LaunchOutcome:
    """The outcome of a run that met an error nobody expected, without what may hold a secret."""
    if isinstance(error, AppError | OSError):
        told = str(error).rstrip(".")
        return LaunchOutcome("error", f"The run could not be carried out: {told}.")
    name = type(error).__name__
    return LaunchOutcome(
        "error", f"The run was ended by a defect of the service ({name}): its worker's log tells more."
    )


def _end_as_its_attempt(engine: Engine, run: Run, outcome: LaunchOutcome) -> RunStatus:
    with reading(engine) as session:
        recorder = begin_recorder(session, engine, run)
    return recorder.finish(outcome, has_launched=run.attempt > 0)


def _end_alone(engine: Engine, run: Run, outcome: LaunchOutcome) -> RunStatus:
    """A run that does not end holds its project for ever, so it ends even when its project cannot be told."""
    status = RunStatus.CANCELED if outcome.status == "canceled" else RunStatus.FAILED
    at = utc_now()
    ended = RunEvent(at=at, kind=EventKind.RUN_ENDED, message=outcome.explanation, detail={"outcome": status.value})
    with unit_of_work(engine) as session:
        attempts.record(session, run, [ended], status=status, explanation=outcome.explanation, ended_at=at)
        if RunKind(run.kind) in GENERATION_KINDS:
            projects.note_attempt(session, run.project_ref)
    wakeups.wake(run.id)
    return status
