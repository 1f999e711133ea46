"""Projects in short, as every request for one or for all asks for them: read together with the account."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from supafleet.db import Besides
from supafleet.projects import repository
from supafleet.projects.models import Outline
from supafleet.projects.states import Status, stale_since
from supafleet.settings import Settings


def outline_besides(place: Besides) -> Besides:
    """What tells the project in short besides its place."""
    return Besides(repository.with_outline, place.values)


def outline_of(told: Sequence[Any]) -> Outline:
    """The project in short, as `outline_besides` told it."""
    return Outline(*told[-len(Outline._fields) :])


def outlines_besides() -> Besides:
    """What tells the projects of an account's organizations in short, for the statement that finds the account."""
    return Besides(repository.with_all_outlines, {}, is_of_many_rows=True)


def outlines_of(told: Sequence[Sequence[Any]]) -> list[Outline]:
    """The projects in short, oldest first, as `outlines_besides` told them."""
    return [Outline(*row) for row in told if row[0] is not None]


def outlined_status(outline: Outline, settings: Settings, now: datetime) -> str:
    """The status that is told of a project in short at this time."""
    deadline = timedelta(seconds=settings.observation_deadline_seconds)
    return Status.UNKNOWN if stale_since(outline.status, outline.observed_at, now, deadline) else outline.status
