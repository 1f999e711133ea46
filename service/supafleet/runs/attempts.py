"""What those who carry out runs may do with them: begin an attempt, write while it lasts, and no longer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from supafleet.db import utc_now
from supafleet.runs import repository
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import RunEvent


class AttemptLostError(Exception):
    """Another attempt owns the run now; this one may write no more."""


def begin(session: Session, run_id: str, executor: str, playbooks_commit: str | None) -> Run | None:
    """Take the next attempt; None when the run has ended."""
    return repository.begin_attempt(session, run_id, executor, utc_now(), playbooks_commit)


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


def forget_ended_before(session: Session, moment: datetime) -> list[str]:
    """Remove old runs with their events; their ids."""
    return repository.delete_ended_before(session, moment)
