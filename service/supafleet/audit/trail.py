"""What becomes known of a change while it is made: who asks, in which organization, and what it makes.

The record is written around the request (`audit/recording.py`); this is how the inside tells it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Trail:
    """One request's notes. The request's threads share it."""

    #: Nobody is known yet who asks, but it is worth a row: an attempt to sign in or up.
    is_attempt: bool = False
    account_id: int | None = None
    actor: str | None = None
    organization_id: int | None = None
    target: dict[str, str] = field(default_factory=dict)


_current: ContextVar[Trail | None] = ContextVar("audit_trail", default=None)


@contextmanager
def following() -> Iterator[Trail]:
    """The notes of what happens in the block."""
    trail = Trail()
    token = _current.set(trail)
    try:
        yield trail
    finally:
        _current.reset(token)


def note_attempt() -> None:
    """Have the request recorded although it comes without a token."""
    trail = _current.get()
    if trail is not None:
        trail.is_attempt = True


def note_actor(account_id: int, name: str) -> None:
    """Remember who asks, or who somebody says to be."""
    trail = _current.get()
    if trail is not None:
        trail.account_id, trail.actor = account_id, name


def note_organization(organization_id: int) -> None:
    """Remember whose change it is."""
    trail = _current.get()
    if trail is not None:
        trail.organization_id = organization_id


def note_target(**names: str) -> None:
    """Remember what the change made or why, where the request's path does not name it."""
    trail = _current.get()
    if trail is not None:
        trail.target.update(names)
