"""What a run that was ended from outside still holds on its host is given back before the run has ended."""

import asyncio
from collections.abc import Callable

import pytest

from supafleet.jobs.worker import Worker
from supafleet.runner.fake import FakeLauncher, Script, fails_on
from supafleet.runner.launcher import LaunchRequest
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runs.vocabulary import RunEvent, RunKind
from tests.integration.jobs.desk import Desk

OnEvent = Callable[[RunEvent], None]
CANCELED = LaunchOutcome("canceled", "The run was canceled.")
UNLOCK = "project_unlock.yml"


def playbooks_of(launcher: FakeLauncher) -> list[str]:
    return [request.playbook for request in launcher.requests]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (CANCELED, "canceled"),
        (LaunchOutcome("timeout", "The playbook did not end within 3 seconds."), "failed"),
        (LaunchOutcome("error", "The playbook ended in the unknown state 'x'."), "failed"),
    ],
    ids=lambda value: getattr(value, "status", value),
)
@pytest.mark.parametrize("unlocked", [Script(), fails_on("Give the lock back", "the host cannot be reached")])
def test_a_playbook_that_was_cut_off_is_followed_by_one_that_unlocks_under_the_same_run(
    desk: Desk, outcome: LaunchOutcome, status: str, unlocked: Script
) -> None:
    ref = desk.created("Acme")
    run_id = desk.run_of(ref).id
    desk.launcher.scripts |= {"project_create": Script(outcome=outcome), "project_unlock": unlocked}

    assert desk.play(run_id) == status
    assert playbooks_of(desk.launcher) == ["project_create.yml", UNLOCK]
    unlocking = desk.launcher.requests[-1]
    assert (unlocking.run_id, unlocking.extra_vars["supafleet_run"]["id"]) == (run_id, run_id)
    assert unlocking.timeout_seconds < desk.settings.run_timeout_seconds
    assert unlocking.extra_vars["supafleet_secrets"] == {ref: {}}, "it needs none"
    assert desk.run(run_id).explanation == outcome.explanation
    assert desk.status_of(ref) == ("INIT_FAILED", outcome.explanation)


def test_a_playbook_that_came_to_its_own_end_is_not_followed_by_another(desk: Desk) -> None:
    ref = desk.up()
    desk.launcher.scripts["project_converge"] = fails_on("Watch")

    assert desk.play(desk.wished(ref)) == "failed"
    assert playbooks_of(desk.launcher) == ["project_create.yml", "project_converge.yml"]


def test_an_observation_holds_no_lock(desk: Desk) -> None:
    ref = desk.up()
    desk.launcher.scripts["project_observe"] = Script(outcome=CANCELED)

    assert desk.play(desk.request(RunKind.PROJECT_OBSERVE, ref)) == "canceled"
    assert UNLOCK not in playbooks_of(desk.launcher)


def test_a_run_that_is_canceled_between_two_attempts_is_unlocked_and_one_that_never_began_is_not(desk: Desk) -> None:
    begun, waiting = desk.run_of(desk.created("Begun")).id, desk.run_of(desk.created("Waiting")).id
    desk.set_run(begun, attempt=1, status="running", executor="worker-b")
    desk.cancel(begun)
    desk.cancel(waiting)

    assert desk.play(begun) == desk.play(waiting) == "canceled"
    assert [(request.run_id, request.playbook) for request in desk.launcher.requests] == [(begun, UNLOCK)]


class Meddled(FakeLauncher):
    """A first playbook that is canceled just after something else has happened."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__(project_create=Script(outcome=CANCELED))
        self._happens = happens

    async def launch(self, request: LaunchRequest, on_event: OnEvent) -> LaunchOutcome:
        outcome = await super().launch(request, on_event)
        if request.playbook != UNLOCK:
            self._happens()
        return outcome


def test_an_attempt_that_was_lost_leaves_the_lock_to_the_next_one(desk: Desk) -> None:
    run_id = desk.run_of(desk.created("Acme")).id
    launcher = Meddled(lambda: desk.set_run(run_id, attempt=2, executor="worker-b"))

    assert desk.play(run_id, launcher) == "taken over"
    assert playbooks_of(launcher) == ["project_create.yml"]


def test_a_worker_that_stops_plays_nothing_more(desk: Desk) -> None:
    run_id = desk.run_of(desk.created("Acme")).id
    has_stopped = asyncio.Event()

    def stop() -> None:
        worker.stop()
        has_stopped.set()

    launcher = Meddled(stop)
    worker = desk.worker(launcher)

    async def scenario() -> None:
        playing = asyncio.create_task(worker.play(run_id))
        await asyncio.wait_for(has_stopped.wait(), 30)
        await asyncio.wait({playing}, timeout=1)
        assert not playing.done()
        playing.cancel()

    asyncio.run(scenario())
    assert playbooks_of(launcher) == ["project_create.yml"]
    assert desk.run(run_id).ended_at is None


class Asked(FakeLauncher):
    """Somebody asks for the end of the run again while it is unlocked, as each beat of a worker does."""

    def __init__(self) -> None:
        super().__init__(project_create=Script(outcome=CANCELED))
        self.worker: Worker | None = None
        self.canceled: list[str] = []

    async def launch(self, request: LaunchRequest, on_event: OnEvent) -> LaunchOutcome:
        assert self.worker is not None
        self.worker.cancel(request.run_id)
        return await super().launch(request, on_event)

    def cancel(self, run_id: str) -> None:
        self.canceled.append(run_id)


def test_a_cancel_does_not_end_the_unlocking(desk: Desk) -> None:
    run_id = desk.run_of(desk.created("Acme")).id
    launcher = Asked()
    launcher.worker = desk.worker(launcher)

    assert asyncio.run(launcher.worker.play(run_id)) == {"status": "canceled"}
    assert playbooks_of(launcher) == ["project_create.yml", UNLOCK]
    assert launcher.canceled == [run_id], "the playbook, and not what follows it"


def test_a_run_that_met_a_defect_of_the_service_is_unlocked(desk: Desk) -> None:
    class Breaks(FakeLauncher):
        async def launch(self, request: LaunchRequest, on_event: OnEvent) -> LaunchOutcome:
            outcome = await super().launch(request, on_event)
            if request.playbook != UNLOCK:
                raise LookupError
            return outcome

    run_id = desk.run_of(desk.created("Acme")).id
    launcher = Breaks()
    assert desk.play(run_id, launcher) == "failed"
    assert playbooks_of(launcher) == ["project_create.yml", UNLOCK]
