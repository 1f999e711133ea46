"""What those who carry out runs may do with them: begin an attempt, write while it lasts, and no longer."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from supafleet.db import utc_now
from supafleet.runs import repository
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import RunEvent


class AttemptLostError(Exception):
    """Another attempt owns the run now; this one may write no more."""


def begin(
    session: Session,
    run_id: str,
    executor: str,
    playbooks_commit: str | None,
    *,
    last: int | None,
    living: Collection[str],
) -> Run | None:
    """Take the next attempt; None when the run has ended.

    Args:
        last: the attempt that this executor had before; None for one that was just given the run.
        living: executors whose runs nobody may take.

    Raises:
        AttemptLostError: another executor has the run, or another attempt of this one.
    """
    run = repository.begin_attempt(session, run_id, executor, utc_now(), playbooks_commit, last=last, living=living)
    if run is None and find_unfinished(session, run_id) is not None:
        raise AttemptLostError
    return run


def release(session: Session, executor: str) -> None:
    """Take a dead executor's runs from it, so that it cannot go on with them if it comes back."""
    repository.release_runs(session, executor)


def note_generation(session: Session, run: Run, generation: int) -> None:
    """Remember which of the project's wishes the attempt applies."""
    run.generation = generation
    session.add(run)


def claim_waiting(session: Session, run_id: str, executor: str) -> Run | None:
    """Take the first attempt of a run that nobody has begun; None when somebody has."""
    return repository.claim_waiting(session, run_id, executor, utc_now())


def record(session: Session, run: Run, events: Sequence[RunEvent], **values: Any) -> None:
    """Append events with the next numbers and set columns of the run.

    Raises:
        AttemptLostError: the run has ended or belongs to another attempt.
    """
    if not repository.write_fenced(session, run.id, run.attempt, values, events):
        raise AttemptLostError


def find_unfinished(session: Session, run_id: str, attempt: int | None = None) -> Run | None:
    """The run; None when it has ended, or is at another attempt than this one."""
    run = repository.get_run(session, run_id)
    if run is None or run.ended_at is not None or attempt not in (None, run.attempt):
        return None
    return run


def list_unfinished(session: Session) -> Sequence[Run]:
    """All runs that have not ended."""
    return repository.list_unfinished(session)


def canceled_by(session: Session, run_id: str) -> str | None:
    """Who asked for the end of the run."""
    run = repository.get_run(session, run_id)
    return None if run is None else run.cancel_requested_by


def overlaps_change(session: Session, project_ref: str, since: datetime) -> bool:
    """Whether a run that changes the project was unfinished at any moment since then."""
    return repository.had_unfinished_change(session, project_ref, since)


def cancel_requests(session: Session, executor: str) -> tuple[list[str], list[str]]:
    """Runs to be canceled: those that wait, and those that this worker carries out."""
    return repository.list_cancel_requests(session, executor)


def list_ended_before(session: Session, moment: datetime, limit: int) -> list[str]:
    """Ids of some runs that ended before a moment."""
    return repository.list_ended_before(session, moment, limit)


def forget(session: Session, run_ids: Sequence[str]) -> None:
    """Remove runs with their events."""
    repository.delete_runs(session, run_ids)
