"""The name of the installation: settled once for each database, for every Docker object carries it."""

import secrets
from contextlib import suppress

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from supafleet.errors import StartRefused, quote
from supafleet.installation.models import ONLY, Installation

# What every installation was called before names were kept: what it made carries this one.
_EARLIER_NAME = "local"
_RANDOM_BYTES = 3


def settle_name(session: Session, wanted: str | None, *, has_projects: bool) -> str:
    """The name that the database has; one that has none is given it now.

    Args:
        wanted: what the setting says; None when it says nothing.
        has_projects: whether the database has, or had, projects.

    Raises:
        StartRefused: the setting says another name than the database.
    """
    if session.get(Installation, ONLY) is None:
        _give_name(session, wanted or (_EARLIER_NAME if has_projects else _new_name()))
    stored = session.get_one(Installation, ONLY).name
    if wanted not in (None, stored):
        raise StartRefused(
            f"installation: must be {quote(stored)} or unset, for what this database knows of was made under that name"
        )
    return stored


def _new_name() -> str:
    # Two services on one machine must not take each other's projects for their own orphans.
    return f"local-{secrets.token_hex(_RANDOM_BYTES)}"


def _give_name(session: Session, name: str) -> None:
    # Another machine of the same database may give it one at the same moment, and then that one holds.
    with suppress(IntegrityError), session.begin_nested():
        session.add(Installation(name=name))
