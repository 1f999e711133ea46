"""How a route changes a project: stored in one transaction, answered when it is applied."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from sqlalchemy.engine import Engine
from sqlmodel import Session

from supafleet.accounts.service import Actor
from supafleet.db import EngineDep, unit_of_work
from supafleet.deps import CurrentActor, JobsDep, ProjectRef, SettingsDep
from supafleet.jobs.engine import JobEngine
from supafleet.projects import configuration
from supafleet.projects.models import Project
from supafleet.settings import Settings
from supafleet.waiting import waits


@dataclass
class Change:
    """A change that is being stored: the project is locked."""

    session: Session
    project: Project
    _jobs: JobEngine
    _actor: Actor
    generation: int | None = None

    def converge(self, reason: str) -> None:
        """Wish that what is stored by then is applied."""
        self.generation = configuration.request_converge(self.session, self._jobs, self.project, self._actor, reason)


@dataclass(frozen=True)
class ProjectChanger:
    """The project of a route's path, and all that it takes to change it."""

    ref: str
    engine: Engine
    jobs: JobEngine
    actor: Actor
    settings: Settings

    @contextmanager
    def begin(self) -> Iterator[Change]:
        """Store a change; at its end return once what it wished is applied.

        Raises:
            ProjectNotFound, Forbidden: there is no such project for this account.
            IllegalTransition: the project is going.
            NotApplied: the change is stored, and its converge failed.
        """
        with unit_of_work(self.engine) as session:
            project = configuration.lock_for_change(session, self.ref, self.actor)
            change = Change(session, project, self.jobs, self.actor)
            yield change
        configuration.wait_until_applied(self.engine, self.ref, change.generation)


@waits
async def get_changer(
    ref: ProjectRef, engine: EngineDep, jobs: JobsDep, actor: CurrentActor, settings: SettingsDep
) -> ProjectChanger:
    """What a route that changes a project asks for."""
    return ProjectChanger(ref, engine, jobs, actor, settings)


ChangerDep = Annotated[ProjectChanger, Depends(get_changer)]
