"""Attempts of single runs: who owns a run, and what ends it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import exc
from sqlmodel import Session

from supafleet.db import reading, unit_of_work, utc_now
from supafleet.errors import IllegalTransition
from supafleet.jobs import ending
from supafleet.jobs import repository as workers
from supafleet.projects import service as projects
from supafleet.runner.fake import FakeLauncher, Script, observed
from supafleet.runner.launcher import LaunchRequest
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runs import attempts, repository
from supafleet.runs import service as runs
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import EventKind, RunEvent
from tests.integration.jobs.desk import Desk

OnEvent = Callable[[RunEvent], None]


class Breaks(FakeLauncher):
    """A launcher with a defect, whose error tells a secret."""

    async def launch(self, request: LaunchRequest, on_event: OnEvent) -> LaunchOutcome:
        await super().launch(request, on_event)
        raise LookupError("hunter2hunter2")


def test_an_error_that_nobody_expected_ends_the_run_and_tells_no_secret(desk: Desk) -> None:
    ref = desk.created("Acme")
    run_id = desk.run_of(ref).id

    assert desk.play(run_id, Breaks()) == "failed"

    run = desk.run(run_id)
    assert (run.status, run.explanation) == (
        "failed",
        "The run was ended by a defect of the service (LookupError): its worker's log tells more.",
    )
    assert desk.kinds(run_id)[-1] == EventKind.RUN_ENDED
    assert desk.status_of(ref) == ("INIT_FAILED", run.explanation)


@pytest.mark.parametrize("error", [IllegalTransition("A project that is PAUSING cannot wait."), RuntimeError("x")])
def test_a_run_ends_even_when_its_project_cannot_be_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    ref = desk.created("Acme")
    run_id = desk.run_of(ref).id

    def refuse(*_: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(projects, "apply_state", refuse)
        assert desk.play(run_id) == "failed"

    assert desk.run(run_id).ended_at is not None
    assert desk.kinds(run_id)[-1] == EventKind.RUN_ENDED
    with reading(desk.engine) as session:
        runs.require_idle(session, ref)


@pytest.mark.parametrize(
    "error",
    [
        exc.TimeoutError("QueuePool limit of size 5 overflow 5 reached"),
        exc.InvalidRequestError("This connection is closed"),
        exc.OperationalError("SELECT 1", {}, Exception("the server closed the connection")),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_database_that_was_away_for_a_moment_only_costs_an_attempt(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    ref = desk.created("Acme")
    run_id = desk.run_of(ref).id
    problems = [error]
    record = attempts.record

    def record_later(session: Session, run: Run, events: list[RunEvent], **values: Any) -> None:
        if problems and "ended_at" in values:
            raise problems.pop()
        record(session, run, events, **values)

    monkeypatch.setattr(attempts, "record", record_later)
    assert desk.play(run_id) == "succeeded"
    assert desk.run(run_id).attempt == 2
    assert desk.status_of(ref) == ("ACTIVE_HEALTHY", None)


def test_an_outage_while_a_failed_run_is_ended_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = desk.run_of(desk.created("Acme")).id
    away = [exc.OperationalError("SELECT 1", {}, Exception("gone")) for _ in range(3)]
    begin = ending.begin_recorder

    def begin_later(*words: Any) -> Any:
        if away:
            raise away.pop()
        return begin(*words)

    monkeypatch.setattr(ending, "begin_recorder", begin_later)
    assert desk.play(run_id, Breaks()) == "failed"
    assert away == []


class Thawing(FakeLauncher):
    """The launcher of a worker that was frozen during its first playbook, which its lease has ended meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun, self.is_thawed = asyncio.Event(), asyncio.Event()

    async def launch(self, request: LaunchRequest, on_event: OnEvent) -> LaunchOutcome:
        if self.requests:
            return await super().launch(request, on_event)
        self.requests.append(request)
        self.has_begun.set()
        await self.is_thawed.wait()
        return LaunchOutcome("error", "The service did not answer in time.", is_interrupted=True)


class Waiting(FakeLauncher):
    """A playbook that works in silence until the test lets it end."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun, self.may_end = asyncio.Event(), asyncio.Event()

    async def launch(self, request: LaunchRequest, on_event: OnEvent) -> LaunchOutcome:
        self.has_begun.set()
        await self.may_end.wait()
        return await super().launch(request, on_event)


def test_a_worker_that_lost_its_run_does_not_take_it_back(desk: Desk) -> None:
    run_id = desk.run_of(desk.created("Acme")).id

    async def scenario() -> tuple[Any, Any, int]:
        thawing, waiting = Thawing(), Waiting()
        frozen = asyncio.create_task(desk.worker(thawing, "worker-a").play(run_id))
        await asyncio.wait_for(thawing.has_begun.wait(), 20)
        heir = asyncio.create_task(desk.worker(waiting, "worker-b").play(run_id))
        await asyncio.wait_for(waiting.has_begun.wait(), 20)
        thawing.is_thawed.set()
        late = await asyncio.wait_for(frozen, 20)
        waiting.may_end.set()
        return late, await asyncio.wait_for(heir, 20), len(thawing.requests)

    late, ended, launches = asyncio.run(scenario())
    assert (late, ended, launches) == ({"status": "taken over"}, {"status": "succeeded"}, 1)
    run = desk.run(run_id)
    assert (run.executor, run.attempt) == ("worker-b", 2)


def test_a_worker_that_was_cut_off_before_it_began_does_not_take_the_run_from_its_heir(desk: Desk) -> None:
    run_id = desk.run_of(desk.created("Acme")).id
    with unit_of_work(desk.engine) as session:
        workers.beat(session, "worker-b")

    async def scenario() -> tuple[Any, Any]:
        waiting = Waiting()
        heir = asyncio.create_task(desk.worker(waiting, "worker-b").play(run_id))
        await asyncio.wait_for(waiting.has_begun.wait(), 20)
        late = await asyncio.wait_for(desk.worker(name="worker-a").play(run_id), 20)
        waiting.may_end.set()
        return late, await asyncio.wait_for(heir, 20)

    assert asyncio.run(scenario()) == ({"status": "taken over"}, {"status": "succeeded"})
    assert desk.launcher.requests == []


def test_a_run_of_a_worker_that_died_and_came_back_is_begun_by_whom_it_was_given_to(desk: Desk) -> None:
    run_id = desk.run_of(desk.created("Acme")).id
    desk.set_run(run_id, attempt=1, status="running", executor="worker-b")
    with unit_of_work(desk.engine) as session:
        attempts.release(session, "worker-b")
    with unit_of_work(desk.engine) as session:
        workers.beat(session, "worker-b")

    assert desk.play(run_id) == "succeeded"
    assert desk.run(run_id).attempt == 2


def test_an_attempt_whose_commit_was_not_answered_belongs_to_who_began_it(desk: Desk) -> None:
    run_id = desk.run_of(desk.created("Acme")).id

    def begin(executor: str, last: int | None) -> int | None:
        with unit_of_work(desk.engine) as session:
            run = repository.begin_attempt(session, run_id, executor, utc_now(), None, last=last, living=["worker-a"])
            return run and run.attempt

    assert begin("worker-a", None) == 1
    assert begin("worker-a", 1) == 2
    assert begin("worker-b", 1) is None
    assert begin("worker-b", None) is None, "nobody takes a run from a worker that lives"
    assert begin("worker-a", 1) == 3, "it asked for the second attempt already and was not told"
    assert begin("worker-a", 1) is None


def test_a_run_that_was_cut_off_ten_times_is_not_begun_again(desk: Desk) -> None:
    ref = desk.created("Acme")
    run_id = desk.run_of(ref).id
    desk.set_run(run_id, attempt=10, status="running", executor="worker-b")

    assert desk.play(run_id) == "failed"
    assert [request.playbook for request in desk.launcher.requests] == ["project_unlock.yml"]
    told = "The run was cut off 10 times and is not begun again."
    assert desk.run(run_id).explanation == told
    assert desk.status_of(ref) == ("INIT_FAILED", told)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_the_database_refuses_fails_the_run_and_is_not_repeated(desk: Desk) -> None:
    ref = desk.created("Acme")
    run_id = desk.run_of(ref).id
    # Real events are cleaned of it; a script's services are not.
    desk.launcher.scripts["project_create"] = Script(events=(observed("healthy", db="\0"),))

    assert desk.play(run_id) == "failed"
    assert [request.playbook for request in desk.launcher.requests] == ["project_create.yml", "project_unlock.yml"]
    assert "a defect of the service (DataError)" in (desk.run(run_id).explanation or "")
    assert desk.status_of(ref)[0] == "INIT_FAILED"
