"""Runs that a test asks for and plays by hand, without a queue."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, select

from supafleet.db import reading, unit_of_work
from supafleet.jobs.worker import Worker
from supafleet.projects import configuration, sighting
from supafleet.projects.models import Project
from supafleet.runner.fake import FakeLauncher
from supafleet.runs import service as runs
from supafleet.runs.models import Run
from tests.integration.jobs.test_queue import Bench

#: Enough for a transaction that nothing holds up; one that is held up is waited for afterwards.
_MEANWHILE_SECONDS = 2.0


class Desk(Bench):
    """Runs that are asked for and played by hand."""

    def play(self, run_id: str, launcher: FakeLauncher | None = None, name: str = "worker-a") -> str:
        status: str = asyncio.run(self.worker(launcher, name).play(run_id))["status"]
        return status

    def worker(self, launcher: FakeLauncher | None = None, name: str = "worker-a") -> Worker:
        worker = Worker(self.settings, self.engine, launcher or self.launcher)
        worker.become(name)
        return worker

    def up(self, name: str = "Acme") -> str:
        """A project that came up."""
        ref = self.created(name)
        assert self.play(self.run_of(ref).id) == "succeeded"
        return ref

    def wish(self, session: Session, ref: str, site_url: str) -> int:
        project = configuration.lock_for_change(session, ref, self.actor)
        project.settings = {**project.settings, "site_url": site_url}
        generation = configuration.request_converge(session, self.jobs, project, self.actor, "a new site")
        assert generation is not None
        return generation

    def wished(self, ref: str, site_url: str = "http://one.example") -> str:
        """The run that is asked for by a change of settings."""
        with unit_of_work(self.engine) as session:
            self.wish(session, ref, site_url)
        return self.run_of(ref).id

    def run(self, run_id: str) -> Run:
        with reading(self.engine) as session:
            return runs.get_run(session, run_id)

    def project(self, ref: str) -> Project:
        with reading(self.engine) as session:
            return session.exec(select(Project).where(Project.ref == ref)).one()

    def kinds(self, run_id: str) -> list[str]:
        with reading(self.engine) as session:
            return [event.kind for event in runs.events_after(session, run_id, 0)]

    def told(self, run_id: str) -> str:
        """All that the events of a run say."""
        with reading(self.engine) as session:
            return repr(runs.events_after(session, run_id, 0))

    def set_run(self, run_id: str, **values: Any) -> None:
        with unit_of_work(self.engine) as session:
            session.execute(sa.update(Run).where(Run.id == run_id).values(**values))  # type: ignore[arg-type]

    def is_overdue(self) -> bool:
        with reading(self.engine) as session:
            return sighting.has_overdue(session)


class Meanwhile:
    """Something that another thread does while a transaction is open; it may have to wait for its end."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._problems: list[Exception] = []
        self._act = act
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._thread.join(_MEANWHILE_SECONDS)

    def _run(self) -> None:
        try:
            self._act()
        except Exception as error:  # for the test's own thread
            self._problems.append(error)

    def join(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        assert self._problems == []
