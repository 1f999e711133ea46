"""`fold(state, event) -> state`: a project's status from the events of its runs. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from supafleet.projects.states import GOALS, LIVE, NAME_LENGTH, SICK_PHASES, STOPPED_PHASES, ServicePhase, Status
from supafleet.runs.vocabulary import EventKind, RunEvent, RunKind, RunStatus
from supafleet.stack.settings import SERVICES

_NOT_REMOVED = "The removal failed: delete the project again."
_CUT_SHORT = "A removal was cut short, so a part of the project may be gone: restart the project to keep what is left."


@dataclass(frozen=True)
class ServiceState:
    """One service as it was last seen."""

    name: str
    phase: str
    exit_code: int | None = None
    restart_count: int = 0
    image: str | None = None
    observed_at: datetime | None = None

    @property
    def sentence(self) -> str:
        """How it is; Docker does not always tell how a container ended, and only of an ended one it means something."""
        ending = self.phase == ServicePhase.EXITED and self.exit_code is not None
        return f"{self.name} is {self.phase}" + (f" with code {self.exit_code}" if ending else "")


@dataclass(frozen=True)
class RunUnderway:
    """What the current run has shown so far."""

    kind: RunKind
    all_healthy: bool = False
    all_stopped: bool = False
    checks_ok: bool = False
    nothing_left: bool = False
    failure: str | None = None


@dataclass(frozen=True)
class ProjectState:
    """The status of a project, why it is so, and its services as last seen."""

    status: str = Status.COMING_UP
    reason: str | None = None
    services: Mapping[str, ServiceState] = field(default_factory=dict)
    observed_at: datetime | None = None
    run: RunUnderway | None = None


def initial_state() -> ProjectState:
    """A project that was asked for and has not been seen yet."""
    return ProjectState(services={name: ServiceState(name, ServicePhase.MISSING) for name in SERVICES})


def fold_all(state: ProjectState, events: Iterable[RunEvent]) -> ProjectState:
    """`fold` over many events."""
    for event in events:
        state = fold(state, event)
    return state


def fold(state: ProjectState, event: RunEvent) -> ProjectState:
    """The state after one event."""
    if event.kind is EventKind.RUN_STARTED:
        return _started(state, event)
    if event.kind is EventKind.SERVICES_OBSERVED and event.services is not None:
        return _observed(state, event, event.services)
    if state.run is None:
        return state
    if event.kind is EventKind.CHECKS_REPORTED:
        checks = (event.detail or {}).get("checks", [])
        passed = bool(checks) and all(check.get("ok") for check in checks)
        return replace(state, run=replace(state.run, checks_ok=passed))
    if event.kind is EventKind.TASK_FAILED:
        return replace(state, run=replace(state.run, failure=event.message))
    if event.kind is EventKind.RUN_ENDED:
        return _ended(state, event, state.run)
    return state


def _started(state: ProjectState, event: RunEvent) -> ProjectState:
    kind = RunKind((event.detail or {})["kind"])
    goal = GOALS.get(kind)
    if goal is None or goal.underway is None:
        return replace(state, run=RunUnderway(kind))
    return replace(state, status=goal.underway, reason=None, run=RunUnderway(kind))


def _observed(state: ProjectState, event: RunEvent, seen: Mapping[str, Mapping[str, Any]]) -> ProjectState:
    found = {
        name: ServiceState(
            name=name,
            phase=str(facts.get("phase", ServicePhase.MISSING)),
            exit_code=facts.get("exit_code"),
            restart_count=int(facts.get("restart_count") or 0),
            image=facts.get("image"),
            observed_at=event.at,
        )
        for name, facts in seen.items()
    }
    own = {name: found.get(name, ServiceState(name, ServicePhase.MISSING, observed_at=event.at)) for name in SERVICES}
    # A container that no release knows says nothing of how the project's own services are: it is only named.
    strangers = {
        name[:NAME_LENGTH]: replace(found[name], name=name[:NAME_LENGTH], phase=ServicePhase.UNEXPECTED)
        for name in found
        if name not in own
    }
    run = state.run
    if run is not None:
        phases = {service.phase for service in own.values()}
        run = replace(
            run,
            all_healthy=phases == {ServicePhase.HEALTHY},
            all_stopped=phases <= STOPPED_PHASES,
            nothing_left=(event.detail or {}).get("objects") == 0,
        )
    seen_now = replace(state, services=own | strangers, observed_at=event.at, run=run)
    return seen_now if run is None or run.kind not in GOALS else _changed_while_live(state, seen_now)


def _changed_while_live(before: ProjectState, state: ProjectState) -> ProjectState:
    """A run that leaves its project live may last long, and nobody is told meanwhile that what it sees sick is healthy.

    What a run makes anew has exited for a moment, so sick is what was so in the sighting before, too. That all is well
    again is told by the run's end, for only then it has asked through the published address.
    """
    were_sick = {name for name, service in before.services.items() if service.phase in SICK_PHASES}
    is_sick = any(service.phase in SICK_PHASES and service.name in were_sick for service in state.services.values())
    if state.status not in LIVE or not is_sick:
        return state
    return replace(state, status=Status.ACTIVE_UNHEALTHY, reason=f"{_unhealthy_sentence(state)}.")


def _ended(state: ProjectState, event: RunEvent, run: RunUnderway) -> ProjectState:
    outcome = RunStatus((event.detail or {})["outcome"])
    ended = replace(state, run=None)
    goal = GOALS.get(run.kind)
    if goal is None:
        # A look that failed saw nothing: the status stays and grows stale.
        return looked(ended) if outcome is RunStatus.SUCCEEDED else ended
    told = event.message or run.failure
    missed = (told or "The run failed.") if outcome is not RunStatus.SUCCEEDED else _missed(ended, run)
    if missed is None:
        return replace(ended, status=goal.reached, reason=None)
    if run.kind is RunKind.PROJECT_DELETE:
        missed = f"{_CUT_SHORT if outcome is RunStatus.CANCELED else _NOT_REMOVED} {missed}"
    return replace(ended, status=goal.failed, reason=missed)


def _missed(state: ProjectState, run: RunUnderway) -> str | None:
    """What a run that ended well did not show, or None when its goal was seen."""
    if run.kind is RunKind.PROJECT_DELETE:
        return None if run.nothing_left else "It ended without having seen that nothing is left."
    if run.kind is RunKind.PROJECT_PAUSE:
        return None if run.all_stopped else f"The run ended, but {_running_sentence(state)}."
    if not run.all_healthy:
        return f"The run ended, but {_unhealthy_sentence(state)}."
    if not run.checks_ok:
        return "The run ended, but its checks through the published address were not all seen to pass."
    return None


def looked(state: ProjectState) -> ProjectState:
    """After an observation: only a project that once came up can be called active."""
    if state.status == Status.INACTIVE:
        return _looked_while_paused(state)
    if state.status not in LIVE:
        return state
    if all(service.phase == ServicePhase.HEALTHY for service in _own(state)):
        return replace(state, status=Status.ACTIVE_HEALTHY, reason=None)
    return replace(state, status=Status.ACTIVE_UNHEALTHY, reason=f"{_unhealthy_sentence(state)}.")


def _looked_while_paused(state: ProjectState) -> ProjectState:
    running = [service.name for service in _own(state) if service.phase not in STOPPED_PHASES]
    services = {
        name: replace(seen, phase=ServicePhase.UNEXPECTED) if name in running else seen
        for name, seen in state.services.items()
    }
    told = f"{', '.join(running)} runs although the project is paused: pause it again, or resume it."
    return replace(state, services=services, reason=told if running else None)


def _running_sentence(state: ProjectState) -> str:
    return ", ".join(
        f"{service.name} is {service.phase}" for service in _own(state) if service.phase not in STOPPED_PHASES
    )


def _unhealthy_sentence(state: ProjectState) -> str:
    parts = [service.sentence for service in _own(state) if service.phase != ServicePhase.HEALTHY]
    return ", ".join(parts) or "its services were not seen"


def _own(state: ProjectState) -> list[ServiceState]:
    """The services of the release, without strangers."""
    return [service for name, service in state.services.items() if name in SERVICES]
