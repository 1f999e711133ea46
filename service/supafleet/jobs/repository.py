"""Rows of workers. All times are the database's: clocks of machines differ."""

import sqlalchemy as sa
from sqlmodel import Session, col, select

from supafleet.db import database_time
from supafleet.runs.models import WorkerRow


def beat(session: Session, executor_id: str) -> None:
    """Note that the worker lives."""
    now = database_time(session)
    worker = session.get(WorkerRow, executor_id)
    if worker is None:
        worker = WorkerRow.model_validate({"executor_id": executor_id, "seen": now})
    worker.seen = now
    session.add(worker)


def find_dead(session: Session, dead_seconds: float, own_id: str) -> list[str]:
    """Workers without a beat for so long, oneself never."""
    limit = database_time(session) - dead_seconds
    statement = select(WorkerRow.executor_id).where(col(WorkerRow.seen) < limit, col(WorkerRow.executor_id) != own_id)
    return list(session.exec(statement).all())


def list_living(session: Session, dead_seconds: float) -> set[str]:
    """Workers with a beat since."""
    limit = database_time(session) - dead_seconds
    return set(session.exec(select(WorkerRow.executor_id).where(col(WorkerRow.seen) >= limit)))


def forget(session: Session, executor_id: str, dead_seconds: float) -> None:
    """Drop a dead worker's row, unless it came back meanwhile."""
    limit = database_time(session) - dead_seconds
    session.execute(sa.delete(WorkerRow).where(col(WorkerRow.executor_id) == executor_id, col(WorkerRow.seen) < limit))


def retire(session: Session, executor_id: str) -> None:
    """Let a worker count as dead from now on."""
    session.execute(sa.update(WorkerRow).where(col(WorkerRow.executor_id) == executor_id).values(seen=0.0))
