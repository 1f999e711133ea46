"""Queries over stored secrets."""

import sqlalchemy as sa
from sqlmodel import Session, col, select

from supafleet.secrets.models import ProjectSecret


def list_project_secrets(session: Session, project_id: int) -> list[ProjectSecret]:
    """The project's secrets, still encrypted."""
    statement = select(ProjectSecret).where(ProjectSecret.project_id == project_id).order_by(col(ProjectSecret.id))
    return list(session.exec(statement))


def list_all_secrets(session: Session) -> list[ProjectSecret]:
    """Every stored secret, still encrypted."""
    return list(session.exec(select(ProjectSecret).order_by(col(ProjectSecret.id))))


def delete_project_secrets(session: Session, project_id: int) -> None:
    """Forget the project's secrets."""
    session.exec(sa.delete(ProjectSecret).where(col(ProjectSecret.project_id) == project_id))


def delete_project_secret(session: Session, project_id: int, name: str) -> None:
    """Forget one secret of a project."""
    session.exec(
        sa.delete(ProjectSecret).where(col(ProjectSecret.project_id) == project_id, col(ProjectSecret.name) == name)
    )
