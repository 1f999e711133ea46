"""Queries over Docker hosts."""

import sqlalchemy as sa
from sqlmodel import Session, col, select

from supafleet.db import database_time
from supafleet.hosts.models import DockerHost

#: A time that is always past.
LOOK_NOW = 0.0


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


def claim_due_looks(session: Session, longest: float) -> list[tuple[DockerHost, bool]]:
    """Hosts whose next look is due, and whether somebody wished for it.

    From now on it is due again after the longest time that a look takes, so that one worker gets each, and another one
    when that worker dies over it.
    """
    now = database_time(session)
    wished = set(session.exec(select(DockerHost.id).where(DockerHost.next_look == LOOK_NOW)))
    statement = (
        sa.update(DockerHost)
        .where(col(DockerHost.next_look) <= now)
        .values(next_look=now + longest)
        .returning(col(DockerHost.id))
    )
    ids = [row[0] for row in session.execute(statement)]
    return [(host, host.id in wished) for host in list_hosts(session) if host.id in ids]


def schedule_look(session: Session, host_id: int, pause: float) -> None:
    """Let the next look at a host be due after a pause, unless somebody wished for one meanwhile."""
    statement = (
        sa.update(DockerHost)
        .where(col(DockerHost.id) == host_id, col(DockerHost.next_look) != LOOK_NOW)
        .values(next_look=database_time(session) + pause)
    )
    session.execute(statement)


def wish_look(session: Session) -> None:
    """Let the next look at every host be due now."""
    session.execute(sa.update(DockerHost).values(next_look=LOOK_NOW))


def lock_host(session: Session, host_id: int) -> DockerHost:
    """The Docker host, its row locked until the transaction ends (SQLite locks the whole file anyway)."""
    return session.exec(select(DockerHost).where(DockerHost.id == host_id).with_for_update()).one()
