"""What of an ansible-runner event crosses the pipe: small, flat, and never a module's whole result."""

import json
from collections.abc import Callable, Mapping
from typing import Any

RESULT_LIMIT_BYTES = 32 * 1024
_TEXT_LIMIT = 8 * 1024

_PASSED_ON = frozenset(
    {
        "playbook_on_task_start",
        "playbook_on_handler_task_start",
        "playbook_on_stats",
        "runner_on_ok",
        "runner_on_failed",
        "runner_on_unreachable",
        "runner_item_on_failed",
        "runner_retry",
    }
)
_RESULT_NOISE = frozenset({"invocation", "diff", "exception", "ansible_facts", "deprecations", "warnings"})
_CONTAINER_FACTS = ("name", "project", "installation", "service", "phase", "exit_code", "restart_count", "image")
_LOG_ANSWER = ("lines", "services", "is_cut")
_OBJECT_FACTS = ("name", "project", "installation")


def reduce_event(event: Mapping[str, Any], shown: Callable[[str], str] = str) -> dict[str, Any] | None:
    """The part of an event that the service reads, or None when it reads none of it.

    Args:
        shown: what may be shown of a text that is going to be cut: half a secret could not be found any more.
    """
    kind = event.get("event")
    if kind not in _PASSED_ON:
        return None
    data = event.get("event_data") or {}
    reduced: dict[str, Any] = {
        "event": kind,
        "at": event.get("created"),
        "task": data.get("task"),
        "host": data.get("host"),
    }
    if kind.startswith("runner_"):
        reduced["ignored"] = bool(data.get("ignore_errors"))
        reduced["result"] = reduce_result(data.get("res"), shown)
    return reduced


def reduce_result(result: Any, shown: Callable[[str], str] = str) -> dict[str, Any]:
    """A module's result in at most 32 kB; an observation is kept whole in its own short form."""
    if not isinstance(result, Mapping):
        return {} if result is None else {"msg": _text(str(result), shown)}
    observation = find_observation(result)
    if observation is not None:
        short: dict[str, Any] = {"changed": bool(result.get("changed")), "msg": _text(result.get("msg"), shown)}
        if isinstance(result.get("checks"), list):
            short["checks"] = result["checks"]
        return {**short, "observation": reduce_observation(observation)}
    if has_log_lines(result):
        # The module bounds its answers itself, and a line that is dropped here would never come again.
        return {
            "changed": False,
            "msg": _text(result.get("msg"), shown),
            **{key: result.get(key) for key in _LOG_ANSWER},
        }
    kept = {key: value for key, value in result.items() if key not in _RESULT_NOISE and not key.startswith("_ansible")}
    if len(json.dumps(kept, default=str)) <= RESULT_LIMIT_BYTES:
        return kept
    texts = {
        key: _text(kept[key], shown) for key in ("msg", "stdout", "stderr", "reason") if isinstance(kept.get(key), str)
    }
    return {**texts, "changed": bool(kept.get("changed")), "rc": kept.get("rc"), "truncated": True}


def find_observation(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The observation in a result: the result itself, or what a task reports under `observation` or `msg`."""
    for candidate in (result, result.get("observation"), result.get("msg")):
        if isinstance(candidate, Mapping) and "containers" in candidate and "networks" in candidate:
            return candidate
    return None


def has_log_lines(result: Mapping[str, Any]) -> bool:
    """Whether a result is an answer of the module that reads logs, be it empty."""
    return isinstance(result.get("lines"), list) and "is_cut" in result


def reduce_observation(observation: Mapping[str, Any]) -> dict[str, Any]:
    """An observation without what only the roles need."""
    containers = [
        {key: container.get(key) for key in _CONTAINER_FACTS} for container in observation.get("containers") or []
    ]
    return {
        "observed_at": observation.get("observed_at"),
        "verdict": observation.get("verdict"),
        "phases": observation.get("phases"),
        "sick": observation.get("sick"),
        "job": observation.get("job"),
        "records": observation.get("records"),
        "containers": containers,
        **{
            kind: [{key: each.get(key) for key in _OBJECT_FACTS} for each in observation.get(kind) or []]
            for kind in ("networks", "volumes")
        },
    }


def _text(value: Any, shown: Callable[[str], str]) -> str | None:
    if not isinstance(value, str):
        return None
    return value if len(value) <= _TEXT_LIMIT else shown(value)[:_TEXT_LIMIT]
