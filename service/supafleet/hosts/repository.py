"""Queries over Docker hosts."""

from sqlmodel import Session, col, select

from supafleet.hosts.models import DockerHost


def list_hosts(session: Session) -> list[DockerHost]:
    """All Docker hosts, oldest first."""
    return list(session.exec(select(DockerHost).order_by(col(DockerHost.id))))


def find_host(session: Session, name: str) -> DockerHost | None:
    """The Docker host of this name, or None."""
    return session.exec(select(DockerHost).where(DockerHost.name == name)).first()


def lock_host(session: Session, host_id: int) -> DockerHost:
    """The Docker host, its row locked until the transaction ends (SQLite locks the whole file anyway)."""
    return session.exec(select(DockerHost).where(DockerHost.id == host_id).with_for_update()).one()
