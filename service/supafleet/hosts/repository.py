"""Queries over Docker hosts."""

import sqlalchemy as sa
from sqlmodel import Session, col, select

from supafleet.db import database_time
from supafleet.hosts.models import DockerHost


def list_hosts(session: Session) -> list[DockerHost]:
    """All Docker hosts, oldest first."""
    return list(session.exec(select(DockerHost).order_by(col(DockerHost.id))))


def find_host(session: Session, name: str) -> DockerHost | None:
    """The Docker host of this name, or None."""
    return session.exec(select(DockerHost).where(DockerHost.name == name)).first()


def has_due_looks(session: Session) -> bool:
    """Whether it is time to look at some host."""
    return (
        session.exec(select(DockerHost.id).where(col(DockerHost.next_look) <= database_time(session))).first()
        is not None
    )


def claim_due_looks(session: Session, interval: float) -> list[DockerHost]:
    """Hosts whose next look is due; from now on it is due again after the interval, so that one worker gets each."""
    now = database_time(session)
    statement = (
        sa.update(DockerHost)
        .where(col(DockerHost.next_look) <= now)
        .values(next_look=now + interval)
        .returning(col(DockerHost.id))
    )
    ids = [row[0] for row in session.execute(statement)]
    return [host for host in list_hosts(session) if host.id in ids]


def lock_host(session: Session, host_id: int) -> DockerHost:
    """The Docker host, its row locked until the transaction ends (SQLite locks the whole file anyway)."""
    return session.exec(select(DockerHost).where(DockerHost.id == host_id).with_for_update()).one()
