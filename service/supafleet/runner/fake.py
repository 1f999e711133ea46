"""A launcher for tests that follows a script instead of starting a playbook."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from supafleet.runner.launcher import LaunchRequest
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runner.redaction import Redactor
from supafleet.runs.vocabulary import EventKind, RunEvent
from supafleet.stack.settings import SERVICES


@dataclass(frozen=True)
class Script:
    """What a scripted run shows and how it ends, after so many seconds; `hang` waits until somebody cancels."""

    events: Sequence[RunEvent] = ()
    outcome: LaunchOutcome = field(default_factory=lambda: LaunchOutcome("successful"))
    hang: bool = False
    seconds: float = 0.0


def _now() -> datetime:
    return datetime.now(UTC)


def observed(phase: str = "healthy", *, objects: int = 14, **phases: str) -> RunEvent:
    """An observation in which every service has `phase`, except those named."""
    phases = dict.fromkeys(SERVICES, phase) | phases
    services = {name: {"phase": seen, "exit_code": None, "restart_count": 0} for name, seen in phases.items()}
    return RunEvent(
        at=_now(), kind=EventKind.SERVICES_OBSERVED, phase="watch", services=services, detail={"objects": objects}
    )


def succeeds() -> Script:
    """Services come up and all checks pass, or, in a removal, nothing is left."""
    checks = {"checks": [{"name": "gateway", "ok": True, "status": 200, "detail": ""}]}
    return Script(
        events=(
            RunEvent(at=_now(), kind=EventKind.PHASE_STARTED, phase="start"),
            observed("starting"),
            observed("healthy"),
            RunEvent(at=_now(), kind=EventKind.CHECKS_REPORTED, phase="verify", detail=checks),
            RunEvent(at=_now(), kind=EventKind.TASK_OK, phase="verify", task="Ask the gateway"),
        )
    )


def removes() -> Script:
    """A removal after which nothing is left."""
    return Script(events=(observed("missing", objects=0),))


def pauses() -> Script:
    """A pause after which everything stands still."""
    return Script(events=(observed("exited"),))


def sees(**phases_by_ref: str | dict[str, str]) -> Script:
    """A look at a Docker host: for each ref one phase of all services, or those that are not healthy."""
    projects = {}
    for ref, seen in phases_by_ref.items():
        phases = dict.fromkeys(SERVICES, seen if isinstance(seen, str) else "healthy")
        phases |= {} if isinstance(seen, str) else seen
        services = {
            name: {"phase": phase, "exit_code": 137 if phase == "exited" else None, "restart_count": 0, "image": None}
            for name, phase in phases.items()
        }
        projects[ref] = {"objects": [f"{ref}-{name}" for name in phases], "services": services}
    return Script(
        events=(
            RunEvent(
                at=_now(), kind=EventKind.HOST_OBSERVED, phase="observe", detail={"projects": {"local": projects}}
            ),
        )
    )


def fails_on(task: str, message: str = "The service db is unhealthy.") -> Script:
    """One task fails."""
    failed = RunEvent(at=_now(), kind=EventKind.TASK_FAILED, phase="watch", task=task, message=message)
    return Script(events=(failed,), outcome=LaunchOutcome("failed", message))


def hangs() -> Script:
    """Goes on until it is canceled."""
    return Script(events=(observed("starting"),), hang=True)


def reads_logs(*answers: Sequence[tuple[str, str]], hang: bool = False) -> Script:
    """Each answer holds lines, as service and text; with `hang` the reading follows until it is canceled."""
    events = [
        RunEvent(
            at=_now(),
            kind=EventKind.LOGS_READ,
            phase="logs",
            detail={
                "lines": [
                    {"service": service, "at": "2026-11-22T12:00:00.000000000Z", "text": text}
                    for service, text in answer
                ],
                "services": ["auth", "db"],
            },
        )
        for answer in answers
    ]
    return Script(events=events, hang=hang)


def finds_no_container(message: str) -> Script:
    """A reading of logs that finds nothing to read."""
    absent = RunEvent(at=_now(), kind=EventKind.LOGS_READ, phase="logs", detail={"lines": [], "services": []})
    return Script(events=(absent,), outcome=LaunchOutcome("failed", message))


class FakeLauncher:
    """Follows `scripts` by playbook name; any other playbook succeeds (or removes)."""

    def __init__(self, **scripts: Script) -> None:
        self.scripts = dict(scripts)
        self.requests: list[LaunchRequest] = []
        #: Looks at whole Docker hosts, which come by themselves.
        self.looks: list[LaunchRequest] = []
        self.pings = 0
        self._canceled: dict[str, asyncio.Event] = {}
        self._loops: dict[str, asyncio.AbstractEventLoop] = {}

    async def launch(self, request: LaunchRequest, on_event: Callable[[RunEvent], None]) -> LaunchOutcome:
        """Show the script's events and end as it says."""
        (self.looks if request.project is None else self.requests).append(request)
        self._loops[request.run_id] = asyncio.get_running_loop()
        canceled = self._canceled.setdefault(request.run_id, asyncio.Event())
        redactor = Redactor(request.secrets)
        script = self._script(request)
        try:
            for event in script.events:
                await asyncio.sleep(0)
                message = None if event.message is None else redactor.text(event.message)
                detail = redactor.value(event.detail)
                on_event(RunEvent(_now(), event.kind, event.phase, event.task, message, event.services, detail))
            await asyncio.sleep(script.seconds)
            if script.hang:
                await canceled.wait()
                return LaunchOutcome("canceled", "The run was canceled.")
            return replace(script.outcome, explanation=redactor.value(script.outcome.explanation))
        finally:
            self._loops.pop(request.run_id, None)
            self._canceled.pop(request.run_id, None)

    def cancel(self, run_id: str) -> None:
        """A hanging script ends."""
        loop = self._loops.get(run_id)
        if loop is not None:
            loop.call_soon_threadsafe(self._canceled[run_id].set)

    def ping(self) -> None:
        """Count it."""
        self.pings += 1

    def stop(self) -> list[str]:
        """A script has no processes, so none of its runs is interrupted."""
        return []

    def sweep(self, run_id: str | None = None) -> None:
        """A script leaves nothing behind."""

    def _script(self, request: LaunchRequest) -> Script:
        name = request.playbook.removesuffix(".yml")
        if request.extra_vars.get("project_logs_state") == "ended":
            return Script()
        if name in self.scripts:
            return self.scripts[name]
        usual = {
            "project_delete": removes,
            "project_pause": pauses,
            "project_unlock": Script,
            "fleet_observe": sees,
        }
        return usual.get(name, succeeds)()
