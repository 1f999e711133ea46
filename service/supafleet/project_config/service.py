"""Reading and changing the configuration of one service of a project."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import Engine

from supafleet.accounts.service import Actor
from supafleet.db import reading, unit_of_work
from supafleet.errors import InvalidField
from supafleet.jobs.engine import JobEngine
from supafleet.projects import configuration
from supafleet.settings import Settings
from supafleet.stack.settings import ProjectSettings

_APPLY_SECONDS = 300.0


def read_settings(engine: Engine, ref: str, actor: Actor, settings: Settings) -> ProjectSettings:
    """The project's settings.

    Raises:
        ProjectNotFound, Forbidden: there is no such project, or the account does not belong to its organization.
    """
    with reading(engine) as session:
        return configuration.stored_settings(session, ref, actor, settings)


def change_settings(
    engine: Engine,
    jobs: JobEngine,
    ref: str,
    rewrite: Callable[[ProjectSettings], Mapping[str, Any]],
    actor: Actor,
    settings: Settings,
    places: Mapping[str, str] | None = None,
) -> ProjectSettings:
    """Change the settings and return them once they are applied; several changes at once end in few converges.

    Args:
        places: official names of fields by the names that the checks of the settings give them.

    Raises:
        InvalidField: the change is not allowed; nothing is changed.
        NotApplied: it is stored, and its converge failed.
    """
    try:
        with unit_of_work(engine) as session:
            generation = configuration.rewrite_settings(session, jobs, ref, rewrite, actor, settings)
    except InvalidField as error:
        name = (places or {}).get(error.field)
        if name is None:
            raise
        raise InvalidField(name, error.sentence) from None
    if generation is not None:
        configuration.wait_until_applied(engine, ref, generation, _APPLY_SECONDS)
    return read_settings(engine, ref, actor, settings)
