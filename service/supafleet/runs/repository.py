"""Queries of runs and their events."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from supafleet.db import Statement, UtcDateTime, table_of
from supafleet.organizations.models import Membership
from supafleet.projects.models import Project
from supafleet.runs.models import Run, RunEventRow
from supafleet.runs.vocabulary import Lane, RunEvent, RunStatus

_run, _project, _membership = table_of(Run), table_of(Project), table_of(Membership)


def with_place(statement: Statement, account_id: sa.ColumnElement[int]) -> Statement:
    """The statement with the run `:run_id`, and the account's place with its project, which may have been removed."""
    widened = statement.add_columns(_run.c.id, _project.c.organization_id, _membership.c.role)
    widened = widened.outerjoin(_run, _run.c.id == sa.bindparam("run_id"))
    widened = widened.outerjoin(_project, _project.c.ref == _run.c.project_ref)
    is_own = _membership.c.organization_id == _project.c.organization_id
    return widened.outerjoin(_membership, sa.and_(is_own, _membership.c.account_id == account_id))


def add_run(session: Session, run: Run) -> Run:
    """Insert a run; an IntegrityError says that the project has an unfinished one."""
    session.add(run)
    session.flush()
    return run


def get_run(session: Session, run_id: str) -> Run | None:
    """The run with this id."""
    return session.get(Run, run_id)


def find_unfinished(session: Session, project_ref: str, lane: Lane) -> Run | None:
    """The run that holds the project, if any."""
    statement = select(Run).where(Run.project_ref == project_ref, Run.lane == lane, col(Run.ended_at).is_(None))
    return session.exec(statement).first()


def find_latest_change(session: Session, project_ref: str) -> Run | None:
    """The newest run of a project in the lane of changes."""
    statement = select(Run).where(Run.project_ref == project_ref, Run.lane == Lane.CHANGE)
    return session.exec(statement.order_by(col(Run.created_at).desc(), col(Run.id))).first()


def list_unfinished(session: Session) -> Sequence[Run]:
    """All runs that have not ended."""
    return session.exec(select(Run).where(col(Run.ended_at).is_(None))).all()


def list_busy(session: Session) -> set[str]:
    """Refs of everything that a run is changing, or is going to."""
    statement = select(Run.project_ref).where(Run.lane == Lane.CHANGE, col(Run.ended_at).is_(None))
    return set(session.exec(statement))


def list_runs(session: Session, project_ref: str | None, limit: int, account_id: int | None = None) -> Sequence[Run]:
    """Runs, the newest first; with an account, only those of the projects of its organizations."""
    statement = select(Run).order_by(col(Run.created_at).desc(), col(Run.id)).limit(limit)
    if project_ref is not None:
        statement = statement.where(Run.project_ref == project_ref)
    if account_id is not None:
        statement = (
            statement.join(Project, col(Project.ref) == Run.project_ref)
            .join(Membership, col(Membership.organization_id) == Project.organization_id)
            .where(Membership.account_id == account_id)
        )
    return session.exec(statement).all()


def list_events(session: Session, run_id: str, after: int, limit: int = 500) -> Sequence[RunEventRow]:
    """Events of a run beyond a number, in order."""
    statement = (
        select(RunEventRow)
        .where(RunEventRow.run_id == run_id, RunEventRow.number > after)
        .order_by(col(RunEventRow.number))
        .limit(limit)
    )
    return session.exec(statement).all()


def phase_times(session: Session, run_ids: Iterable[str]) -> dict[str, list[tuple[str, datetime, datetime]]]:
    """For each run its phases in order, from their first to their last event."""
    statement = (
        sa.select(
            col(RunEventRow.run_id),
            col(RunEventRow.phase),
            sa.func.min(col(RunEventRow.at)),
            sa.func.max(col(RunEventRow.at)),
        )
        .where(col(RunEventRow.run_id).in_(list(run_ids)), col(RunEventRow.phase).is_not(None))
        .group_by(col(RunEventRow.run_id), col(RunEventRow.phase))
        .order_by(sa.func.min(col(RunEventRow.number)))
    )
    times: dict[str, list[tuple[str, datetime, datetime]]] = {}
    for run_id, phase, first, last in session.execute(statement):
        times.setdefault(run_id, []).append((phase, first, last))
    return times


def begin_attempt(
    session: Session,
    run_id: str,
    executor: str,
    now: datetime,
    commit: str | None,
    *,
    last: int | None,
    living: Collection[str],
) -> Run | None:
    """Take the next attempt of a run that has not ended: from now on only this attempt may write.

    An executor that had the last attempt must have it still; one that had none takes it from no living one.
    """
    statement = (
        sa.update(Run)
        .where(col(Run.id) == run_id, col(Run.ended_at).is_(None), _may_begin(executor, last, living))
        .values(
            attempt=col(Run.attempt) + 1,
            status=RunStatus.RUNNING,
            executor=executor,
            playbooks_commit=commit,
            started_at=sa.func.coalesce(col(Run.started_at), sa.literal(now, UtcDateTime)),
        )
        .returning(col(Run.id))
    )
    if session.execute(statement).first() is None:
        return None
    return session.get(Run, run_id, populate_existing=True)


def _may_begin(executor: str, last: int | None, living: Collection[str]) -> sa.ColumnElement[bool]:
    holder = col(Run.executor)
    if last is None:
        return sa.or_(holder.is_(None), holder == executor, holder.not_in(living))
    # The connection may have broken after the commit of our own next attempt and before its answer.
    return sa.and_(holder == executor, col(Run.attempt).in_((last, last + 1)))


def release_runs(session: Session, executor: str) -> None:
    """Let no executor have the unfinished runs of this one."""
    statement = sa.update(Run).where(col(Run.executor) == executor, col(Run.ended_at).is_(None))
    session.execute(statement.values(executor=None))


def claim_waiting(session: Session, run_id: str, executor: str, now: datetime) -> Run | None:
    """Like `begin_attempt`, but only when nobody has begun yet."""
    statement = (
        sa.update(Run)
        .where(col(Run.id) == run_id, col(Run.status) == RunStatus.QUEUED)
        .values(attempt=col(Run.attempt) + 1, status=RunStatus.RUNNING, executor=executor, started_at=now)
        .returning(col(Run.id))
    )
    if session.execute(statement).first() is None:
        return None
    return session.get(Run, run_id, populate_existing=True)


def write_fenced(
    session: Session, run_id: str, attempt: int, values: dict[str, Any], events: Sequence[RunEvent]
) -> int:
    """Update the run and append events, if this attempt still owns it; the last number, or 0 when it does not."""
    statement = (
        sa.update(Run)
        .where(col(Run.id) == run_id, col(Run.attempt) == attempt, col(Run.ended_at).is_(None))
        .values(last_number=col(Run.last_number) + len(events), **values)
        .returning(col(Run.last_number))
    )
    row = session.execute(statement).first()
    if row is None:
        return 0
    first = int(row[0]) - len(events) + 1
    if events:
        session.execute(sa.insert(RunEventRow), [_row(run_id, first + i, event) for i, event in enumerate(events)])
    return int(row[0])


def had_unfinished_change(session: Session, project_ref: str, since: datetime) -> bool:
    """Whether a changing run of the project was unfinished at any moment since then."""
    statement = select(Run.id).where(
        Run.project_ref == project_ref,
        Run.lane == Lane.CHANGE,
        sa.or_(col(Run.ended_at).is_(None), col(Run.ended_at) >= since),
    )
    return session.exec(statement).first() is not None


def list_cancel_requests(session: Session, executor: str) -> tuple[list[str], list[str]]:
    """Runs to be canceled: those that wait, and those that run here."""
    statement = select(Run.id, Run.status, Run.executor).where(
        col(Run.cancel_requested_at).is_not(None), col(Run.ended_at).is_(None)
    )
    rows = session.exec(statement).all()
    waiting = [run_id for run_id, status, _ in rows if status == RunStatus.QUEUED]
    running = [run_id for run_id, status, owner in rows if status == RunStatus.RUNNING and owner == executor]
    return waiting, running


def list_ended_before(session: Session, moment: datetime, limit: int) -> list[str]:
    """Ids of some runs that ended before a moment."""
    return list(session.exec(select(Run.id).where(col(Run.ended_at) < moment).limit(limit)))


def delete_runs(session: Session, run_ids: Sequence[str]) -> None:
    """Remove runs with their events."""
    session.execute(sa.delete(RunEventRow).where(col(RunEventRow.run_id).in_(run_ids)))
    session.execute(sa.delete(Run).where(col(Run.id).in_(run_ids)))


def _row(run_id: str, number: int, event: RunEvent) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "number": number,
        "at": event.at,
        "kind": event.kind,
        "phase": event.phase,
        "task": event.task,
        "message": event.message,
        "services": event.services,
        "detail": event.detail,
    }
