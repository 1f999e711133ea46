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
from supafleet.projects.fold import ProjectState, fold, fold_all, initial_state
from supafleet.projects.states import GOALS
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runs import attempts
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import URGENT_KINDS, EventKind, Lane, RunEvent, RunKind, RunStatus
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
        self._state = state
        self._phase: str | None = None
        self._began_at = utc_now()
        self._waiting: list[RunEvent] = []
        self._wake = asyncio.Event()
        self._is_open = True

    def announce(self) -> None:
        """Store the first event of the attempt."""
        detail = {"kind": self.run.kind, "attempt": self.run.attempt}
        self._store([RunEvent(at=self._began_at, kind=EventKind.RUN_STARTED, detail=detail)])

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

    def finish(self, outcome: LaunchOutcome) -> RunStatus:
        """Store the last event, the run's end and what it means for the project, in one transaction."""
        ended_at = utc_now()
        with unit_of_work(self._engine) as session:
            is_dropped = self._is_dropped(session)
            status, explanation = self._judge(session, outcome, ended_at, is_dropped)
            ended = self._ended(ended_at, status, explanation)
            self._state = fold(self._state, ended)
            values = {"status": status, "explanation": explanation, "ended_at": ended_at, "services": self._phases()}
            attempts.record(session, self.run, [ended], **values)
            if not is_dropped:
                projects.apply_state(session, self.run.project_ref, self._state, ended_at)
                if status is RunStatus.SUCCEEDED and self.run.generation is not None:
                    projects.note_applied(session, self.run.project_ref, self.run.generation)
        wakeups.wake(self.run.id)
        return status

    def _judge(
        self, session: Session, outcome: LaunchOutcome, ended_at: datetime, is_dropped: bool
    ) -> tuple[RunStatus, str | None]:
        if outcome.status == "canceled":
            # Who asked is known only now: the wish came after the attempt had begun.
            name = attempts.canceled_by(session, self.run.id)
            return RunStatus.CANCELED, f"The run was canceled by {name}." if name else outcome.explanation
        if outcome.status != "successful":
            return RunStatus.FAILED, outcome.explanation
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
        has_sighting = any(event.kind is EventKind.SERVICES_OBSERVED for event in events)
        if has_sighting:
            values["services"] = {name: service.phase for name, service in state.services.items()}
        with unit_of_work(self._engine) as session:
            attempts.record(session, self.run, events, **values)
            self._state = state
            # An observation is applied at its end, when it is known that no change ran beside it.
            if has_sighting and self._kind.lane is Lane.CHANGE:
                projects.apply_state(session, self.run.project_ref, state, utc_now())
        self._phase = values.get("phase", self._phase)
        wakeups.wake(self.run.id)

    def _is_dropped(self, session: Session) -> bool:
        if self._kind.lane is not Lane.OBSERVE:
            return False
        return attempts.overlaps_change(session, self.run.project_ref, self._began_at)

    def _phases(self) -> dict[str, str]:
        return {name: service.phase for name, service in self._state.services.items()}


def begin_recorder(session: Session, engine: Engine, run: Run) -> Recorder:
    """The recorder of an attempt, beginning with what is stored of the project."""
    try:
        state = projects.folded_state(session, run.project_ref)
    except ProjectNotFound:
        # The run still gets its named end.
        state = initial_state()
    return Recorder(engine, run, state)
