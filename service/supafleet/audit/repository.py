"""Queries over the record of changes."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from supafleet.audit.models import AuditEntry


def list_entries(session: Session, organization_id: int | None, before: int | None, limit: int) -> list[AuditEntry]:
    """Changes of an organization, or those of none; the newest first, beginning below an id."""
    statement = select(AuditEntry).where(
        col(AuditEntry.organization_id).is_(None)
        if organization_id is None
        else AuditEntry.organization_id == organization_id
    )
    if before is not None:
        statement = statement.where(col(AuditEntry.id) < before)
    return list(session.exec(statement.order_by(col(AuditEntry.id).desc()).limit(limit)))


def delete_before(session: Session, moment: datetime, limit: int = 10_000) -> int:
    """Remove old entries, at most so many; how many there were."""
    ids = list(session.exec(select(AuditEntry.id).where(col(AuditEntry.at) < moment).limit(limit)))
    session.execute(sa.delete(AuditEntry).where(col(AuditEntry.id).in_(ids)))
    return len(ids)
