"""What a watcher knows of a run: a fold over its events, and the lines that say what an event changed."""

from dataclasses import dataclass, field
from datetime import datetime

from supafleet.cli.shapes import Event, ServiceState

_SETTLED = "healthy"
_SETTLED_BY_KIND = {"project_pause": "exited", "project_delete": "missing"}


@dataclass
class ServiceLine:
    """One service: its phase, since when it is watched, and when it became healthy."""

    phase: str
    watched_since: datetime
    settled_at: datetime | None = None
    exit_code: int | None = None
    restart_count: int = 0

    def elapsed_seconds(self, now: datetime) -> float:
        """How long it took, or takes so far, to become healthy."""
        return max(0.0, ((self.settled_at or now) - self.watched_since).total_seconds())


@dataclass
class PhaseLine:
    """One phase of the run with its times."""

    name: str
    started_at: datetime
    ended_at: datetime | None = None

    def elapsed_seconds(self, now: datetime) -> float:
        """How long the phase took, or takes so far."""
        return max(0.0, ((self.ended_at or now) - self.started_at).total_seconds())


@dataclass
class RunProgress:
    """The state of a watched run after the events seen so far. Times are the server's: clocks may differ."""

    services: dict[str, ServiceLine] = field(default_factory=dict)
    phases: list[PhaseLine] = field(default_factory=list)
    task: str = ""
    started_at: datetime | None = None
    has_ended: bool = False
    #: The phase in which this kind of run wants every service.
    settled_phase: str = _SETTLED
    _last_at: datetime | None = None
    _heard_at: float = 0.0

    def apply(self, event: Event, heard_at: float) -> list[str]:
        """Take in one event; answers the plain lines that say what it changed.

        Args:
            event: the next event of the run.
            heard_at: when it arrived, by this process's monotonic clock.
        """
        self.started_at = self.started_at or event.at
        self._last_at, self._heard_at = event.at, heard_at
        if event.kind == "run.started" and event.detail:
            self.settled_phase = _SETTLED_BY_KIND.get(str(event.detail.get("kind")), _SETTLED)
        lines = self._enter_phase(event)
        for name, state in (event.services or {}).items():
            lines += self._see_service(name, state, event.at)
        if event.kind == "task.failed":
            reason = (event.message or "").partition("\n")[0]
            lines.append(": ".join(word for word in ("failed", event.task, reason) if word))
        if event.task:
            self.task = event.task
        if event.kind == "run.ended":
            self.has_ended = True
            self._close_phase(event.at)
        stamp = f"{(event.at - self.started_at).total_seconds():7.1f}s  "
        return [stamp + line for line in lines]

    def now(self, monotonic: float) -> datetime:
        """The server's time, as far as it can be told between two events."""
        if self._last_at is None:
            raise ValueError("no event has been seen")
        if self.has_ended:
            return self._last_at
        return datetime.fromtimestamp(self._last_at.timestamp() + monotonic - self._heard_at, self._last_at.tzinfo)

    def _enter_phase(self, event: Event) -> list[str]:
        # A taken-up run starts its phases again: the later one counts as another line.
        if not event.phase or event.kind == "run.ended":
            return []
        if self.phases and self.phases[-1].name == event.phase and self.phases[-1].ended_at is None:
            return []
        self._close_phase(event.at)
        self.phases.append(PhaseLine(event.phase, event.at))
        return [event.phase]

    def _close_phase(self, at: datetime) -> None:
        if self.phases and self.phases[-1].ended_at is None:
            self.phases[-1].ended_at = at

    def _see_service(self, name: str, state: ServiceState, at: datetime) -> list[str]:
        line = self.services.get(name)
        before = line.phase if line else None
        if line is None:
            line = self.services[name] = ServiceLine(state.phase, at)
        line.phase = state.phase
        line.exit_code = state.exit_code
        line.restart_count = state.restart_count or 0
        if state.phase != self.settled_phase:
            line.settled_at = None
        elif line.settled_at is None:
            line.settled_at = at
        if before == state.phase:
            return []
        return [f"  {name}: {before} -> {state.phase}" if before else f"  {name}: {state.phase}"]
