"""Who waits for a change of settings is answered as soon as no run will apply it by itself."""

import asyncio
import time
from collections.abc import Callable

import pytest

from supafleet.db import unit_of_work
from supafleet.projects import configuration, lifecycle
from supafleet.runner.fake import FakeLauncher, Script, fails_on, observed
from supafleet.runner.launcher import LaunchRequest
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runs.vocabulary import RunEvent
from tests.integration.jobs.desk import Desk

_APPLY_SECONDS = 2.0


class ChangedMeanwhile(FakeLauncher):
    """A playbook during which somebody changes a setting."""

    def __init__(self, desk: Desk, ref: str, **scripts: Script) -> None:
        super().__init__(**scripts)
        self._desk, self._ref = desk, ref
        self.generation = 0

    async def launch(self, request: LaunchRequest, on_event: Callable[[RunEvent], None]) -> LaunchOutcome:
        outcome = await super().launch(request, on_event)
        await asyncio.to_thread(self._change)
        return outcome

    def _change(self) -> None:
        with unit_of_work(self._desk.engine) as session:
            self.generation = self._desk.wish(session, self._ref, "http://two.example")


@pytest.fixture(autouse=True)
def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "_APPLY_SECONDS", _APPLY_SECONDS)


def changed_during_a_converge(desk: Desk) -> tuple[str, int]:
    ref = desk.up()
    launcher = ChangedMeanwhile(desk, ref)
    assert desk.play(desk.wished(ref), launcher) == "succeeded"
    return ref, launcher.generation


def pause(desk: Desk, ref: str, ended: str = "succeeded") -> None:
    with unit_of_work(desk.engine) as session:
        lifecycle.pause_project(session, desk.jobs, ref, desk.actor)
    assert desk.play(desk.run_of(ref).id) == ended


def wait(desk: Desk, ref: str, generation: int) -> float:
    began = time.monotonic()
    configuration.wait_until_applied(desk.engine, ref, generation)
    return time.monotonic() - began


def test_a_change_during_a_create_that_fails_is_answered_with_the_cause(desk: Desk) -> None:
    ref = desk.created("Acme")
    launcher = ChangedMeanwhile(desk, ref, project_create=fails_on("Watch", "db ended with exit code 1."))
    assert desk.play(desk.run_of(ref).id, launcher) == "failed"

    with pytest.raises(configuration.NotApplied, match=r"stored but was not applied: db ended with exit code 1\.$"):
        wait(desk, ref, launcher.generation)


def test_a_change_that_a_pause_overtakes_is_applied_by_the_resume(desk: Desk) -> None:
    ref, generation = changed_during_a_converge(desk)
    pause(desk, ref)

    assert wait(desk, ref, generation) < _APPLY_SECONDS
    with unit_of_work(desk.engine) as session:
        lifecycle.resume_project(session, desk.jobs, ref, desk.actor)
    assert desk.play(desk.run_of(ref).id) == "succeeded"
    assert desk.project(ref).applied_generation == generation


def test_a_change_that_a_pause_overtakes_which_fails_is_answered_with_the_cause(desk: Desk) -> None:
    ref, generation = changed_during_a_converge(desk)
    desk.launcher.scripts["project_pause"] = Script(events=(observed("exited", kong="healthy"),))
    pause(desk, ref, "failed")

    with pytest.raises(configuration.NotApplied, match=r"not applied: The run ended, but kong is healthy\.$"):
        wait(desk, ref, generation)


def test_a_change_is_waited_for_while_a_converge_is_due_or_a_run_has_not_ended(desk: Desk) -> None:
    ref, generation = changed_during_a_converge(desk)
    assert desk.is_overdue()
    with pytest.raises(configuration.NotApplied, match="was not applied within 2 s"):
        wait(desk, ref, generation)

    with unit_of_work(desk.engine) as session:
        lifecycle.pause_project(session, desk.jobs, ref, desk.actor)
    with pytest.raises(configuration.NotApplied, match="was not applied within 2 s"):
        wait(desk, ref, generation)


def test_a_run_that_ends_between_two_looks_has_not_failed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = desk.up()
    run_id = desk.wished(ref)
    generation = desk.project(ref).desired_generation
    looks = [lambda: desk.play(run_id)]

    def look_late(*_: object) -> bool:
        while looks:
            assert looks.pop()() == "succeeded"
        return False

    monkeypatch.setattr(configuration, "_may_be_applied", look_late)
    assert wait(desk, ref, generation) < _APPLY_SECONDS
