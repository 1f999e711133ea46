"""Looks at every Docker host on a schedule, and folds what was seen into all of its projects.

A look is not a run: it has no row, no queue and no mutex, since it repeats for ever and changes nothing. When several
workers share a database, the host's row decides which of them looks.
"""

import asyncio
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.engine import Engine

from supafleet.db import reading, row_id, unit_of_work, utc_now
from supafleet.hosts import service as hosts
from supafleet.jobs.chore import Chore
from supafleet.jobs.engine import JobEngine
from supafleet.projects import doctor, sighting
from supafleet.runner.launcher import LOOK_PREFIX, LaunchRequest, PlaybookLauncher
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runs.vocabulary import EventKind, RunEvent
from supafleet.settings import Settings

_TICK_SECONDS = 0.5
_PLAYBOOK = "fleet_observe.yml"
_LOOKS_AT_ONCE = 4
_TIMEOUT_SECONDS = 90
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class HostLook:
    """A Docker host that it is time to look at."""

    host_id: int
    name: str
    entry: dict[str, Any]
    refs: list[str]


class Observer(Chore):
    """The thread of a worker that looks at Docker hosts, and asks for converges that are overdue."""

    def __init__(self, engine: Engine, settings: Settings, jobs: JobEngine, launcher: PlaybookLauncher) -> None:
        super().__init__("observer", _TICK_SECONDS)
        self._engine = engine
        self._settings = settings
        self._jobs = jobs
        self._launcher = launcher
        self._looks = ThreadPoolExecutor(max_workers=_LOOKS_AT_ONCE, thread_name_prefix="look")

    def start(self) -> None:
        """Begin to look; what happened while nobody looked is seen first."""
        with unit_of_work(self._engine) as session:
            hosts.wish_look(session)
        super().start()

    def join(self) -> None:
        """After the stop, wait until no look is underway any more."""
        self._looks.shutdown(wait=True, cancel_futures=True)

    def work(self) -> None:
        """Begin the looks that are due, and ask for the converges that are overdue."""
        # Reading first: a transaction that may write locks the whole of an SQLite database.
        with reading(self._engine) as session:
            is_due, is_overdue = hosts.has_due_looks(session), sighting.has_overdue(session)
        if is_due:
            for look in self._claim():
                self._looks.submit(self._look, look)
        if is_overdue:
            with unit_of_work(self._engine) as session:
                sighting.converge_overdue(session, self._jobs)

    def _claim(self) -> list[HostLook]:
        looks = []
        with unit_of_work(self._engine) as session:
            for host, is_wished in hosts.claim_due_looks(session, _TIMEOUT_SECONDS * 1.5):
                refs = sighting.refs_to_see(session, row_id(host))
                # A host without them has little to tell: it is seen when a worker starts, and when somebody wishes.
                if refs or is_wished:
                    looks.append(HostLook(row_id(host), host.name, hosts.inventory_entry(host), refs))
                else:
                    hosts.postpone_look(session, host, self._settings.observation_interval_seconds)
        return looks

    def _look(self, look: HostLook) -> None:
        began_at = utc_now()
        sightings: list[RunEvent] = []

        def take(event: RunEvent) -> None:
            if event.kind is EventKind.HOST_OBSERVED:
                sightings.append(event)

        request = LaunchRequest(
            run_id=f"{LOOK_PREFIX}{uuid.uuid4()}",
            attempt=1,
            playbook=_PLAYBOOK,
            installation=self._settings.resolved_installation,
            host=look.name,
            docker_host=look.entry,
            timeout_seconds=_TIMEOUT_SECONDS,
        )
        try:
            outcome = asyncio.run(self._launcher.launch(request, take))
            if self.is_stopping:
                return
            error = _why_unseen(outcome, sightings)
            if error is None:
                self._fold(look, sightings[-1], began_at)
            else:
                _log.warning("host.unseen", host=look.name, reason=error)
            # A host that takes longer than the interval to answer is not asked without a rest.
            interval, spent = self._settings.observation_interval_seconds, (utc_now() - began_at).total_seconds()
            with unit_of_work(self._engine) as session:
                hosts.note_look(session, look.host_id, utc_now(), error, max(interval - spent, interval / 3))
        except Exception:  # the next look may go well
            _log.exception("look.failed", host=look.name)

    def _fold(self, look: HostLook, event: RunEvent, began_at: datetime) -> None:
        seen = event.detail or {}
        with unit_of_work(self._engine) as session:
            found = doctor.strangers(session, look.host_id, seen, self._settings.resolved_installation)
            hosts.note_strangers(session, look.host_id, found)
        projects: Mapping[str, Any] = seen["projects"].get(self._settings.resolved_installation, {})
        for ref in look.refs:
            with unit_of_work(self._engine) as session:
                sighting.fold_sighting(session, self._jobs, ref, projects.get(ref), began_at, event.at, self._settings)


def _why_unseen(outcome: LaunchOutcome, sightings: list[RunEvent]) -> str | None:
    if outcome.status == "successful" and sightings:
        return None
    told = (outcome.explanation or "The look ended without having seen anything.").strip().splitlines()[0]
    return told if told.endswith(".") else f"{told}."
