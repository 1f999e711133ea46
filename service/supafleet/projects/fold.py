"""`fold(state, event) -> state`: a project's status from the events of its runs. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from supafleet.projects.states import SERVICES, ServicePhase, Status
from supafleet.runs.vocabulary import EventKind, RunEvent, RunKind, RunStatus

_LIVE = frozenset({Status.ACTIVE_HEALTHY, Status.ACTIVE_UNHEALTHY})


@dataclass(frozen=True)
class ServiceState:
    """One service as it was last seen."""

    name: str
    phase: str
    exit_code: int | None = None
    restart_count: int = 0
    image: str | None = None
    observed_at: datetime | None = None


@dataclass(frozen=True)
class RunUnderway:
    """What the current run has shown so far."""

    kind: RunKind
    all_healthy: bool = False
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
    run = RunUnderway(kind)
    if kind is RunKind.PROJECT_CREATE:
        return replace(state, status=Status.COMING_UP, reason=None, run=run)
    if kind is RunKind.PROJECT_DELETE:
        return replace(state, status=Status.GOING_DOWN, reason=None, run=run)
    return replace(state, run=run)


def _observed(state: ProjectState, event: RunEvent, seen: Mapping[str, Mapping[str, Any]]) -> ProjectState:
    services = {
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
    services = {
        name: services.get(name, ServiceState(name, ServicePhase.MISSING, observed_at=event.at)) for name in SERVICES
    }
    run = state.run
    if run is not None:
        healthy = all(service.phase == ServicePhase.HEALTHY for service in services.values())
        objects = (event.detail or {}).get("objects")
        run = replace(run, all_healthy=healthy, nothing_left=objects == 0)
    return replace(state, services=services, observed_at=event.at, run=run)


def _ended(state: ProjectState, event: RunEvent, run: RunUnderway) -> ProjectState:
    outcome = RunStatus((event.detail or {})["outcome"])
    told = event.message or run.failure
    ended = replace(state, run=None)
    if run.kind is RunKind.PROJECT_OBSERVE:
        # A look that failed saw nothing: the status stays and grows stale.
        return _looked(ended) if outcome is RunStatus.SUCCEEDED else ended
    if run.kind is RunKind.PROJECT_DELETE:
        if outcome is RunStatus.SUCCEEDED and run.nothing_left:
            return replace(ended, status=Status.REMOVED, reason=None)
        if outcome is RunStatus.SUCCEEDED:
            told = "It ended without having seen that nothing is left."
        reason = f"The removal failed: delete the project again. {told or ''}".rstrip()
        return replace(ended, status=Status.ACTIVE_UNHEALTHY, reason=reason)
    if outcome is not RunStatus.SUCCEEDED:
        return replace(ended, status=Status.INIT_FAILED, reason=told or "The run failed.")
    if not run.all_healthy:
        return replace(ended, status=Status.INIT_FAILED, reason=f"The run ended, but {_unhealthy_sentence(ended)}.")
    if not run.checks_ok:
        reason = "The run ended, but its checks through the published address were not all seen to pass."
        return replace(ended, status=Status.INIT_FAILED, reason=reason)
    return replace(ended, status=Status.ACTIVE_HEALTHY, reason=None)


def _looked(state: ProjectState) -> ProjectState:
    """After an observation: only a project that once came up can be called active."""
    if state.status not in _LIVE:
        return state
    if all(service.phase == ServicePhase.HEALTHY for service in state.services.values()):
        return replace(state, status=Status.ACTIVE_HEALTHY, reason=None)
    return replace(state, status=Status.ACTIVE_UNHEALTHY, reason=f"{_unhealthy_sentence(state)}.")


def _unhealthy_sentence(state: ProjectState) -> str:
    parts = [
        f"{service.name} is {service.phase}{_ending(service)}"
        for service in state.services.values()
        if service.phase != ServicePhase.HEALTHY
    ]
    return ", ".join(parts) or "its services were not seen"


def _ending(service: ServiceState) -> str:
    """How a container ended; Docker does not always tell, and only of an ended one it means something."""
    if service.phase != ServicePhase.EXITED or service.exit_code is None:
        return ""
    return f" with code {service.exit_code}"
