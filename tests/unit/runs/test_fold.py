"""The status of a project from recorded events of its runs."""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from supafleet.projects.fold import ProjectState, fold, fold_all, initial_state
from supafleet.runs.vocabulary import EventKind, RunEvent
from supafleet.stack.settings import SERVICES

RECORDED = Path(__file__).parent / "recorded"


def read_events(name: str) -> list[RunEvent]:
    events = []
    for line in (RECORDED / f"{name}.jsonl").read_text().splitlines():
        values: dict[str, Any] = json.loads(line)
        values.pop("number")
        at, kind = datetime.fromisoformat(values.pop("at")), EventKind(values.pop("kind"))
        events.append(RunEvent(at=at, kind=kind, **values))
    return events


def after(*names: str, state: ProjectState | None = None) -> ProjectState:
    current = state or initial_state()
    for name in names:
        current = fold_all(current, read_events(name))
    return current


def statuses(name: str, state: ProjectState | None = None) -> list[str]:
    current = state or initial_state()
    seen: list[str] = []
    for event in read_events(name):
        current = fold(current, event)
        if not seen or seen[-1] != current.status:
            seen.append(current.status)
    return seen


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.jsonl")), ids=lambda path: path.stem)
def test_recordings_are_whole(path: Path) -> None:
    events = [json.loads(line) for line in path.read_text().splitlines()]

    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["kind"] == "run.started"
    assert [event["kind"] for event in events].index("run.ended") == len(events) - 1


def test_a_create_is_healthy_only_at_its_end() -> None:
    assert statuses("create") == ["COMING_UP", "ACTIVE_HEALTHY"]
    state = after("create")
    assert state.reason is None
    assert state.observed_at is not None
    assert {name: service.phase for name, service in state.services.items()} == dict.fromkeys(SERVICES, "healthy")


def test_each_step_shows_the_services_as_they_are() -> None:
    state, seen = initial_state(), []
    for event in read_events("create"):
        state = fold(state, event)
        seen.append(sum(service.phase == "healthy" for service in state.services.values()))
    assert seen == sorted(seen)
    assert seen[-1] == 12


@pytest.mark.parametrize("missing", ["services.observed", "checks.reported"])
def test_without_a_sighting_or_checks_it_is_not_healthy(missing: str) -> None:
    events = [event for event in read_events("create") if event.kind != missing]

    state = fold_all(initial_state(), events)
    assert state.status == "INIT_FAILED"
    assert state.reason


def test_a_failed_check_is_no_health() -> None:
    events = read_events("create")
    checks = next(event for event in events if event.kind is EventKind.CHECKS_REPORTED)
    (checks.detail or {})["checks"][0]["ok"] = False

    assert fold_all(initial_state(), events).status == "INIT_FAILED"


def test_a_service_that_dies_is_named() -> None:
    state = after("create_failed")

    assert state.status == "INIT_FAILED"
    assert (state.reason or "").startswith("service auth ended with exit code 1")
    assert (state.services["auth"].phase, state.services["auth"].exit_code) == ("exited", 1)


def test_a_second_attempt_begins_anew() -> None:
    events = read_events("create")
    cut_off = [event for event in read_events("create_failed") if event.kind is not EventKind.RUN_ENDED]

    state = fold_all(initial_state(), [*cut_off, *events])
    assert (state.status, state.reason) == ("ACTIVE_HEALTHY", None)


def test_a_delete_is_done_when_nothing_is_left() -> None:
    assert statuses("delete", after("create")) == ["GOING_DOWN", "REMOVED"]


def test_a_delete_that_did_not_look_is_not_believed() -> None:
    events = [event for event in read_events("delete") if event.kind is not EventKind.SERVICES_OBSERVED]

    state = fold_all(after("create"), events)
    assert state.status == "ACTIVE_UNHEALTHY"
    assert "delete the project again" in (state.reason or "")


def test_a_look_finds_the_sick_and_a_later_one_the_healthy() -> None:
    sick = after("create", "observe_sick")
    assert (sick.status, sick.reason) == ("ACTIVE_UNHEALTHY", "realtime is exited with code 137.")

    assert after("observe_healthy", state=sick).status == "ACTIVE_HEALTHY"


def converging(**phases: str) -> list[RunEvent]:
    """A converge that saw all services healthy, except those named, and has not ended."""
    at = datetime.fromisoformat("2026-11-22T13:00:00+00:00")
    services = {name: {"phase": phases.get(name, "healthy"), "exit_code": 1} for name in SERVICES}
    return [
        RunEvent(at=at, kind=EventKind.RUN_STARTED, detail={"kind": "project_converge", "attempt": 1}),
        RunEvent(at=at, kind=EventKind.SERVICES_OBSERVED, services=services, detail={"objects": 14}),
    ]


@pytest.mark.parametrize(
    ("phase", "sentence"),
    [("unhealthy", "db is unhealthy."), ("exited", "db is exited with code 1."), ("restarting", "db is restarting.")],
)
def test_a_converge_that_sees_a_sick_service_does_not_leave_its_project_healthy(phase: str, sentence: str) -> None:
    once = fold_all(after("create"), converging(db=phase))
    assert (once.status, once.reason) == ("ACTIVE_HEALTHY", None), "a container that is made anew has just exited"
    state = fold_all(once, converging(db=phase)[1:])
    assert (state.status, state.reason) == ("ACTIVE_UNHEALTHY", sentence)
    assert fold_all(state, converging()).status == "ACTIVE_UNHEALTHY", "its end tells that all is well"


@pytest.mark.parametrize("phase", ["missing", "created", "starting"])
def test_a_service_that_a_converge_makes_anew_is_not_called_sick(phase: str) -> None:
    state = fold_all(after("create"), converging(rest=phase))
    assert (state.status, state.reason) == ("ACTIVE_HEALTHY", None)


def test_an_exit_code_that_nobody_told_is_left_out() -> None:
    silent = [
        replace(event, services={name: {**facts, "exit_code": None} for name, facts in (event.services or {}).items()})
        for event in read_events("observe_sick")
    ]
    assert fold_all(after("create"), silent).reason == "realtime is exited."


def test_a_look_does_not_repair_what_never_came_up() -> None:
    assert after("create_failed", "observe_healthy").status == "INIT_FAILED"


def test_a_look_that_failed_changes_nothing() -> None:
    before = after("create")
    events = [event for event in read_events("observe_sick") if event.kind is not EventKind.SERVICES_OBSERVED]
    assert events[-1].detail is not None
    events[-1].detail["outcome"] = "failed"

    assert fold_all(before, events) == before


def test_folding_changes_nothing_in_place() -> None:
    state = initial_state()
    fold_all(state, read_events("create"))

    assert state == initial_state()
