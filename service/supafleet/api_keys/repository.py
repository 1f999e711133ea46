"""Queries over the keys that owners made."""

import sqlalchemy as sa
from sqlmodel import Session, col, select

from supafleet.api_keys.models import ApiKey


def list_keys(session: Session, project_id: int) -> list[ApiKey]:
    """The project's keys, oldest first."""
    statement = select(ApiKey).where(ApiKey.project_id == project_id).order_by(col(ApiKey.created_at), col(ApiKey.id))
    return list(session.exec(statement))


def find_key(session: Session, project_id: int, key_id: str) -> ApiKey | None:
    """The key of that id, or None."""
    return session.exec(select(ApiKey).where(ApiKey.project_id == project_id, ApiKey.id == key_id)).first()


def delete_key(session: Session, key_id: str) -> None:
    """Forget a key."""
    session.exec(sa.delete(ApiKey).where(col(ApiKey.id) == key_id))


def delete_all(session: Session, project_id: int) -> None:
    """Forget all keys of a project."""
    session.exec(sa.delete(ApiKey).where(col(ApiKey.project_id) == project_id))
