"""The rules of Docker hosts."""

from datetime import datetime
from typing import Any

from sqlmodel import Session

from supafleet.db import row_id
from supafleet.errors import NotFound, quote
from supafleet.hosts import repository
from supafleet.hosts.models import Connection, DockerHost
from supafleet.hosts.schemas import HostBody
from supafleet.stack import addresses


def list_hosts(session: Session) -> list[DockerHost]:
    """All Docker hosts, oldest first."""
    return repository.list_hosts(session)


def get_host(session: Session, host_id: int) -> DockerHost:
    """The Docker host a row refers to."""
    host = session.get(DockerHost, host_id)
    if host is None:
        raise NotFound(f"Docker host {host_id} does not exist.")
    return host


def has_due_looks(session: Session) -> bool:
    """Whether it is time to look at some Docker host."""
    return repository.has_due_looks(session)


def claim_due_looks(session: Session, longest: float) -> list[tuple[DockerHost, bool]]:
    """Docker hosts that it is time to look at, and whether somebody wished for it; whoever asks first gets them."""
    return repository.claim_due_looks(session, longest)


def wish_look(session: Session) -> None:
    """Ask for a look at every host without waiting for its time."""
    repository.wish_look(session)


def postpone_look(session: Session, host: DockerHost, pause: float) -> None:
    """Let the next look at a host come after a pause."""
    repository.schedule_look(session, row_id(host), pause)


def note_strangers(session: Session, host_id: int, strangers: list[dict[str, Any]]) -> None:
    """Remember what was found on a host that belongs to no project of ours."""
    host = get_host(session, host_id)
    host.strangers = strangers
    session.add(host)


def note_look(session: Session, host_id: int, at: datetime, error: str | None, pause: float) -> None:
    """Remember how the latest look at a Docker host went.

    Args:
        pause: seconds until the next one.
        error: why nothing was seen, in a sentence; None when the look went well.
    """
    host = get_host(session, host_id)
    host.observation_error = error
    host.looked_at = at
    if error is None:
        host.observed_at = at
    session.add(host)
    session.flush()
    repository.schedule_look(session, host_id, pause)


def find_host(session: Session, name: str) -> DockerHost:
    """The Docker host of this name.

    Raises:
        NotFound: there is none.
    """
    host = repository.find_host(session, name)
    if host is None:
        raise NotFound(f"Docker host {quote(name)} does not exist.")
    return host


def put_host(session: Session, name: str, body: HostBody) -> tuple[DockerHost, bool]:
    """The Docker host as the body has it, and whether it is new.

    Leases that projects hold stay as they are; new projects follow the new ranges.
    """
    host = repository.find_host(session, name)
    values = body.model_dump()
    is_new = host is None
    if host is None:
        host = DockerHost.model_validate({"name": name, **values})
    else:
        host.sqlmodel_update(values)
    session.add(host)
    session.flush()
    return host, is_new


def lock_host(session: Session, host: DockerHost) -> None:
    """Let others who place a project on the host wait until the transaction ends."""
    repository.lock_host(session, row_id(host))


def gateway_url(host: DockerHost, port: int) -> str:
    """Where the gateway of a project on the host answers."""
    return addresses.gateway_url(host.public_address, host.bind_address, port)


def inventory_entry(host: DockerHost) -> dict[str, Any]:
    """The host as an inventory file has it, below its name."""
    entry: dict[str, Any] = {
        "connection": host.connection,
        "bind_address": host.bind_address or (addresses.LOOPBACK if host.connection == Connection.LOCAL else None),
        "public_address": host.public_address,
        "subnet_pool": host.subnet_pool,
        "port_range": [host.port_first, host.port_last],
        "data_root": host.data_root,
    }
    if host.connection == Connection.SSH:
        entry |= {
            "address": host.address,
            "port": host.ssh_port,
            "user": host.ssh_user,
            "private_key_file": host.private_key_file,
            "known_hosts_file": host.known_hosts_file,
        }
    return {key: value for key, value in entry.items() if value is not None}
