"""Storing a run's events in batches, folded into the project, fenced by the attempt."""

import asyncio
import contextlib
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Engine
from sqlmodel import Session

from supafleet.db import unit_of_work, utc_now
from supafleet.errors import ProjectNotFound
from supafleet.projects import service as projects
from supafleet.projects.fold import ProjectState, fold, fold_all, initial_state, looked
from supafleet.projects.states import GOALS
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runner.redaction import storable
from supafleet.runs import attempts
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import (
    GENERATION_KINDS,
    URGENT_KINDS,
    EventKind,
    Lane,
    RunEvent,
    RunKind,
    RunStatus,
)
from supafleet.runs.wakeup import wakeups

_BATCH_EVENTS = 100
#: A part of the time until a reader knows; each batch is a transaction.
_BATCH_SECONDS = 0.2

_DROPPED = "What was seen does not count: another run of the project was unfinished meanwhile."


class Recorder:
    """Takes one attempt's events and stores them; after `finish` there are no more."""

    def __init__(self, engine: Engine, run: Run, state: ProjectState) -> None:
        self.run = run
        self._engine = engine
        self._kind = RunKind(run.kind)
        self._began_at = utc_now()
        detail = {"kind": run.kind, "attempt": run.attempt}
        self._started = RunEvent(at=self._began_at, kind=EventKind.RUN_STARTED, detail=detail)
        self._state = fold(state, self._started)
        self._sighting: RunEvent | None = None
        self._phase: str | None = None
        self._waiting: list[RunEvent] = []
        self._wake = asyncio.Event()
        self._is_open = True

    def announce(self) -> None:
        """Store the first event of the attempt."""
        self._store([self._started])

    def take(self, event: RunEvent) -> None:
        """Keep an event for the next batch; on the loop's thread, and quick."""
        if event.kind is EventKind.LOGS_READ:
            return
        self._waiting.append(event)
        if event.kind in URGENT_KINDS or len(self._waiting) >= _BATCH_EVENTS:
            self._wake.set()

    def close(self) -> None:
        """No more events come."""
        self._is_open = False
        self._wake.set()

    async def store_while_open(self) -> None:
        """Store batches until closed.

        Raises:
            AttemptLostError: another attempt owns the run.
        """
        while self._is_open or self._waiting:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _BATCH_SECONDS)
            self._wake.clear()
            batch, self._waiting = self._waiting, []
            if batch:
                await asyncio.to_thread(self._store, batch)

    def finish(self, outcome: LaunchOutcome, *, has_launched: bool = True) -> RunStatus:
        """Store the last event, the run's end and what it means for the project, in one transaction.

        Args:
            has_launched: whether an attempt of the run came to start its playbook.

        Raises:
            AttemptLostError: another attempt owns the run.
        """
        ended_at = utc_now()
        with unit_of_work(self._engine) as session:
            # What is read of the project from here on stays so until what follows from it is stored.
            lock_project_of(session, self.run)
            is_dropped = self._is_dropped(session)
            status, explanation = self._judge(session, outcome, ended_at, is_dropped)
            ended = self._ended(ended_at, status, explanation)
            self._state = fold(self._state, ended)
            values = {"status": status, "explanation": explanation, "ended_at": ended_at, "services": self._phases()}
            attempts.record(session, self.run, [ended], **values, **self._late_generation(session))
            if self._kind.lane is Lane.CHANGE:
                self._apply_change(session, status, ended_at, has_launched)
            elif status is RunStatus.SUCCEEDED and not is_dropped:
                self._apply_sighting(session, ended_at)
        wakeups.wake(self.run.id)
        return status

    def _apply_change(self, session: Session, status: RunStatus, now: datetime, has_launched: bool) -> None:
        goal = GOALS[self._kind]
        if not has_launched and goal.underway is None:
            return  # nothing was done to the project, and nobody was told that it was going to change
        is_unbegun = status is RunStatus.CANCELED and not has_launched
        if is_unbegun and projects.take_back(session, self.run.project_ref, self.run.project_before, now):
            return
        projects.apply_state(session, self.run.project_ref, self._state, now)
        if status is RunStatus.SUCCEEDED and self.run.generation is not None:
            projects.note_applied(session, self.run.project_ref, self.run.generation)

    def _apply_sighting(self, session: Session, now: datetime) -> None:
        """Fold what was seen onto what is stored by now: a look at the whole host may have been later."""
        if self._sighting is None:
            return
        with contextlib.suppress(ProjectNotFound):
            stored = projects.folded_state(session, self.run.project_ref)
            if stored.observed_at is None or self._sighting.at > stored.observed_at:
                projects.apply_state(session, self.run.project_ref, looked(fold(stored, self._sighting)), now)

    def _late_generation(self, session: Session) -> dict[str, Any]:
        """A run that ends before it set out to apply anything has tried it: else it were asked for again at once."""
        if self._kind not in GENERATION_KINDS or self.run.generation is not None:
            return {}
        return {"generation": projects.note_attempt(session, self.run.project_ref)}

    def _judge(
        self, session: Session, outcome: LaunchOutcome, ended_at: datetime, is_dropped: bool
    ) -> tuple[RunStatus, str | None]:
        if outcome.status == "canceled":
            # Who asked is known only now: the wish came after the attempt had begun.
            name = attempts.canceled_by(session, self.run.id)
            return RunStatus.CANCELED, f"The run was canceled by {name}." if name else outcome.explanation
        if outcome.status != "successful":
            return RunStatus.FAILED, outcome.explanation and storable(outcome.explanation)
        if is_dropped:
            return RunStatus.SUCCEEDED, _DROPPED
        # A playbook that ended well has not reached its goal before the goal was seen.
        goal = GOALS.get(self._kind)
        reached = fold(self._state, self._ended(ended_at, RunStatus.SUCCEEDED, None))
        if goal is not None and reached.status != goal.reached:
            return RunStatus.FAILED, reached.reason
        return RunStatus.SUCCEEDED, None

    def _ended(self, at: datetime, status: RunStatus, explanation: str | None) -> RunEvent:
        return RunEvent(at=at, kind=EventKind.RUN_ENDED, message=explanation, detail={"outcome": status.value})

    def _store(self, events: list[RunEvent]) -> None:
        state = fold_all(self._state, events)
        phases = [event.phase for event in events if event.phase is not None]
        values: dict[str, Any] = {}
        if phases and phases[-1] != self._phase:
            values["phase"] = phases[-1]
        sightings = [event for event in events if event.kind is EventKind.SERVICES_OBSERVED]
        # An observation is applied at its end, when it is known that no change ran beside it.
        is_applied = bool(sightings) and self._kind.lane is Lane.CHANGE
        if sightings:
            values["services"] = {name: service.phase for name, service in state.services.items()}
        with unit_of_work(self._engine) as session:
            if is_applied:
                lock_project_of(session, self.run)
            attempts.record(session, self.run, events, **values)
            if is_applied:
                projects.apply_state(session, self.run.project_ref, state, utc_now())
        self._state = state
        self._sighting = sightings[-1] if sightings else self._sighting
        self._phase = values.get("phase", self._phase)
        wakeups.wake(self.run.id)

    def _is_dropped(self, session: Session) -> bool:
        if self._kind.lane is not Lane.OBSERVE:
            return False
        return attempts.overlaps_change(session, self.run.project_ref, self._began_at)

    def _phases(self) -> dict[str, str]:
        return {name: service.phase for name, service in self._state.services.items()}


def lock_project_of(session: Session, run: Run) -> None:
    """Lock the project of a run, if there still is one.

    Always before the run's own row is written: so no two transactions wait for each other.
    """
    with contextlib.suppress(ProjectNotFound):
        projects.lock_project(session, run.project_ref)


def begin_recorder(session: Session, engine: Engine, run: Run) -> Recorder:
    """The recorder of an attempt, beginning with what is stored of the project."""
    try:
        state = projects.folded_state(session, run.project_ref)
    except ProjectNotFound:
        # The run still gets its named end.
        state = initial_state()
    return Recorder(engine, run, state)
