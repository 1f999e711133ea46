"""ansible-runner's events as run events: few, redacted, with the phase from the task's name."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from supafleet.runner.redaction import Redactor
from supafleet.runner.reduction import has_log_lines
from supafleet.runs.vocabulary import EventKind, RunEvent

_TASK_NAME = re.compile(r"^(?:[\w.-]+ : )?(?P<phase>[a-z_]+) \| (?P<sentence>.*)$", re.DOTALL)
_OBSERVATION_INTERVAL_SECONDS = 2.0
_MESSAGE_LIMIT = 16_000
_TAIL_LIMIT = 4_000


class EventTranslator:
    """Turns one run's raw events into run events; it knows the phase and what the services looked like last."""

    def __init__(
        self, project_ref: str | None, redactor: Redactor, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._project_ref = project_ref
        self._redactor = redactor
        self._clock = clock
        self._phase: str | None = None
        self._last_phases: dict[str, str] | None = None
        self._last_observed_at = float("-inf")

    def translate(self, raw: Mapping[str, Any]) -> list[RunEvent]:
        """The run events of one raw event: none, one, or several."""
        return [self._redacted(event) for event in self._translate(raw)]

    def _translate(self, raw: Mapping[str, Any]) -> Iterator[RunEvent]:
        kind = raw["event"]
        at = _time(raw.get("at"))
        phase, sentence = split_task_name(raw.get("task") or "")
        if kind in ("playbook_on_task_start", "playbook_on_handler_task_start"):
            if phase is not None and phase != self._phase:
                self._phase = phase
                yield RunEvent(at=at, kind=EventKind.PHASE_STARTED, phase=phase)
            return
        result: Mapping[str, Any] = raw.get("result") or {}
        observation = result.get("observation")
        if isinstance(observation, Mapping) and self._project_ref is None:
            seen = {"projects": projects_of(observation), "records": observation.get("records") or {}}
            yield RunEvent(at=at, kind=EventKind.HOST_OBSERVED, phase=phase, task=sentence, detail=seen)
        elif isinstance(observation, Mapping):
            yield from self._observed(at, phase, sentence, observation, is_retry=kind == "runner_retry")
        if has_log_lines(result):
            read = {"lines": result["lines"], "services": result.get("services") or []}
            yield RunEvent(at=at, kind=EventKind.LOGS_READ, phase=phase, task=sentence, detail=read)
        if isinstance(result.get("checks"), list) and result["checks"]:
            detail = {"checks": [_check(check) for check in result["checks"] if isinstance(check, Mapping)]}
            yield RunEvent(at=at, kind=EventKind.CHECKS_REPORTED, phase=phase, task=sentence, detail=detail)
        if kind == "runner_on_ok":
            changed = EventKind.TASK_CHANGED if result.get("changed") else EventKind.TASK_OK
            yield RunEvent(at=at, kind=changed, phase=phase, task=sentence)
        elif kind == "runner_on_unreachable":
            message = f"Host {raw.get('host')} cannot be reached: {self._message(result)}"
            yield RunEvent(at=at, kind=EventKind.TASK_FAILED, phase=phase, task=sentence, message=message)
        elif kind == "runner_on_failed" and raw.get("ignored"):
            yield RunEvent(at=at, kind=EventKind.TASK_OK, phase=phase, task=sentence, message=self._message(result))
        elif kind in ("runner_on_failed", "runner_item_on_failed"):
            yield RunEvent(
                at=at,
                kind=EventKind.TASK_FAILED,
                phase=phase,
                task=sentence,
                message=self._message(result),
                detail=self._failure_detail(result),
            )

    def _observed(
        self, at: datetime, phase: str | None, task: str | None, observation: Mapping[str, Any], *, is_retry: bool
    ) -> Iterator[RunEvent]:
        ref = str(self._project_ref)
        services = services_of(observation, ref)
        phases = {name: str(facts["phase"]) for name, facts in services.items()}
        now = self._clock()
        is_news = phases != self._last_phases or now - self._last_observed_at >= _OBSERVATION_INTERVAL_SECONDS
        if is_retry and not is_news:
            return
        self._last_phases, self._last_observed_at = phases, now
        detail = {
            "objects": _count_objects(observation, ref),
            "verdict": observation.get("verdict"),
            "sick": observation.get("sick") or [],
        }
        yield RunEvent(
            at=at, kind=EventKind.SERVICES_OBSERVED, phase=phase, task=task, services=services, detail=detail
        )

    def _message(self, result: Mapping[str, Any]) -> str:
        for key in ("msg", "reason", "stderr", "module_stderr", "stdout"):
            value = result.get(key)
            if isinstance(value, str) and value.strip():
                # Before it is cut: half a secret is not found any more.
                return self._redactor.text(value.strip())[:_MESSAGE_LIMIT]
        return "The task failed without saying why."

    def _failure_detail(self, result: Mapping[str, Any]) -> dict[str, Any] | None:
        detail: dict[str, Any] = {
            key: self._redactor.text(result[key])[-_TAIL_LIMIT:]
            for key in ("stderr", "stdout")
            if isinstance(result.get(key), str) and result[key]
        }
        if isinstance(result.get("rc"), int):
            detail["rc"] = result["rc"]
        return detail or None

    def _redacted(self, event: RunEvent) -> RunEvent:
        clean = self._redactor.value
        return RunEvent(
            at=event.at,
            kind=event.kind,
            phase=event.phase,
            task=clean(event.task),
            message=clean(event.message),
            services=clean(event.services),
            detail=clean(event.detail),
        )


def split_task_name(name: str) -> tuple[str | None, str | None]:
    """`start | Bring up the services` -> (`start`, `Bring up the services`); a name without phase has none."""
    match = _TASK_NAME.match(name)
    if match is None:
        return None, name or None
    return match["phase"], match["sentence"]


def services_of(observation: Mapping[str, Any], project_ref: str) -> dict[str, dict[str, Any]]:
    """Each service of the project with its phase and what else was seen of its container."""
    seen = {
        # One that somebody labelled for the project alone is known by its own name.
        str(container.get("service") or container.get("name")): container
        for container in observation.get("containers") or []
        if container.get("project") == project_ref
    }
    phases: Mapping[str, str] = observation.get("phases") or {}
    services: dict[str, dict[str, Any]] = {}
    for name in [*phases, *(each for each in seen if each not in phases)]:
        container = seen.get(name, {})
        facts: dict[str, Any] = {
            "phase": phases.get(name) or container.get("phase"),
            "exit_code": container.get("exit_code"),
            "restart_count": container.get("restart_count") or 0,
            "image": container.get("image"),
        }
        services[name] = facts
    return services


def projects_of(observation: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """What a look at a whole Docker host saw: by installation and ref the names of the objects, and the services.

    Two installations may have projects of the same ref on a host, and neither may take the other's for its own.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for thing in _objects(observation):
        installation, ref = str(thing.get("installation") or ""), str(thing.get("project") or "")
        facts = found.setdefault(installation, {}).setdefault(ref, {"objects": []})
        facts["objects"].append(thing.get("name"))
    for installation, projects in found.items():
        containers = [one for one in observation.get("containers") or [] if one.get("installation") == installation]
        for ref, facts in projects.items():
            facts["services"] = services_of({"containers": containers}, ref)
    return found


def _objects(observation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [thing for kind in ("containers", "networks", "volumes") for thing in observation.get(kind) or []]


def _count_objects(observation: Mapping[str, Any], project_ref: str) -> int:
    return sum(thing.get("project") == project_ref for thing in _objects(observation))


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    return {key: check.get(key) for key in ("name", "ok", "status", "detail")}


def _time(text: Any) -> datetime:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.now(UTC)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
