"""Reading and changing the configuration of one service of a project."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import Engine

from supafleet.accounts.service import Actor
from supafleet.db import reading
from supafleet.errors import InvalidField
from supafleet.projects import configuration
from supafleet.projects.changing import ProjectChanger
from supafleet.settings import Settings
from supafleet.stack.settings import ProjectSettings


def read_settings(engine: Engine, ref: str, actor: Actor, settings: Settings) -> ProjectSettings:
    """The project's settings.

    Raises:
        ProjectNotFound, Forbidden: there is no such project, or the account does not belong to its organization.
    """
    with reading(engine) as session:
        return configuration.stored_settings(session, ref, actor, settings)


def change_settings(
    changer: ProjectChanger,
    rewrite: Callable[[ProjectSettings], Mapping[str, Any]],
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
        with changer.begin() as change:
            if configuration.rewrite_settings(change.session, change.project, rewrite, changer.settings):
                change.converge("Settings changed.")
    except InvalidField as error:
        name = (places or {}).get(error.field)
        if name is None:
            raise
        raise InvalidField(name, error.sentence) from None
    return read_settings(changer.engine, changer.ref, changer.actor, changer.settings)
