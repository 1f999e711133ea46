"""What of a run counts for its project, when something else happens to the project meanwhile."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import Session

from supafleet.db import unit_of_work, utc_now
from supafleet.projects import creation, lifecycle, sighting
from supafleet.projects import service as projects
from supafleet.projects.schemas import ProjectCreate
from supafleet.runner.fake import FakeLauncher, Script, fails_on, observed, succeeds
from supafleet.runner.launcher import LaunchRequest
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runs import attempts
from supafleet.runs.vocabulary import RunEvent, RunKind
from supafleet.stack.settings import SERVICES
from tests.integration.jobs.desk import Desk, Meanwhile

OnEvent = Callable[[RunEvent], None]
CANCELED = "The run was canceled by somebody."


def test_a_change_while_an_attempt_reads_its_inputs_is_not_taken_for_applied(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = desk.up()
    run_id = desk.wished(ref, "http://one.example")
    read, changes = projects.function_files, []

    def change_after_reading(session: Session, of: str) -> Any:
        files = read(session, of)

        def change() -> None:
            with unit_of_work(desk.engine) as other:
                desk.wish(other, ref, "http://two.example")

        changes.append(Meanwhile(change))
        return files

    monkeypatch.setattr(projects, "function_files", change_after_reading)
    assert desk.play(run_id) == "succeeded"
    changes[0].join()

    launched = desk.launcher.requests[-1].project
    project = desk.project(ref)
    assert launched is not None
    assert launched["settings"]["site_url"] == "http://one.example"
    assert project.settings["site_url"] == "http://two.example"
    assert (project.desired_generation, project.applied_generation) == (3, 2)
    assert desk.is_overdue() or desk.run_of(ref).ended_at is None, "a converge has to follow"


def test_a_pause_while_an_observation_ends_waits_for_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = desk.up()
    look = desk.request(RunKind.PROJECT_OBSERVE, ref)
    overlaps, pauses = attempts.overlaps_change, []

    def pause_after_asking(*words: Any) -> bool:
        answer = overlaps(*words)

        def pause() -> None:
            with unit_of_work(desk.engine) as other:
                lifecycle.pause_project(other, desk.jobs, ref, desk.actor)

        pauses.append(Meanwhile(pause))
        return answer

    desk.launcher.scripts["project_observe"] = Script(events=(observed("healthy"),))
    monkeypatch.setattr(attempts, "overlaps_change", pause_after_asking)
    assert desk.play(look) == "succeeded"
    pauses[0].join()
    assert desk.status_of(ref) == ("PAUSING", None)


class SeenMeanwhile(FakeLauncher):
    """An observation during which a look at the whole host sees that the database has exited."""

    def __init__(self, desk: Desk, ref: str, **scripts: Script) -> None:
        super().__init__(**scripts)
        self._desk, self._ref = desk, ref

    async def launch(self, request: LaunchRequest, on_event: OnEvent) -> LaunchOutcome:
        outcome = await super().launch(request, on_event)
        await asyncio.to_thread(self._look)
        return outcome

    def _look(self) -> None:
        phases = {**dict.fromkeys(SERVICES, "healthy"), "db": "exited"}
        services = {name: {"phase": phase, "exit_code": 1, "restart_count": 0} for name, phase in phases.items()}
        began_at = utc_now()
        with unit_of_work(self._desk.engine) as session:
            projects.lock_project(session, self._ref).self_healing = False
        with unit_of_work(self._desk.engine) as session:
            sighting.fold_sighting(
                session,
                self._desk.jobs,
                self._ref,
                {"services": services},
                began_at,
                utc_now(),
                self._desk.settings,
            )


@pytest.mark.parametrize(
    ("script", "ended"),
    [
        (fails_on("Look", "Host this cannot be reached."), "failed"),
        (Script(events=(observed("healthy"),)), "succeeded"),
    ],
    ids=["failed", "older"],
)
def test_an_observation_leaves_alone_what_was_seen_after_it(desk: Desk, script: Script, ended: str) -> None:
    ref = desk.up()
    look = desk.request(RunKind.PROJECT_OBSERVE, ref)

    assert desk.play(look, SeenMeanwhile(desk, ref, project_observe=script)) == ended
    assert desk.status_of(ref) == ("ACTIVE_UNHEALTHY", "db is exited with code 1.")


def test_a_look_leaves_alone_what_was_seen_after_it(desk: Desk) -> None:
    ref = desk.up()
    began_at = seen_at = utc_now()
    desk.launcher.scripts["project_observe"] = Script(events=(observed("healthy"),))
    assert desk.play(desk.request(RunKind.PROJECT_OBSERVE, ref)) == "succeeded"
    run_id = desk.run_of(ref).id

    phases = {**dict.fromkeys(SERVICES, "healthy"), "db": "exited"}
    services = {name: {"phase": phase, "exit_code": 1, "restart_count": 0} for name, phase in phases.items()}
    with unit_of_work(desk.engine) as session:
        look = {"services": services}
        sighting.fold_sighting(session, desk.jobs, ref, look, began_at, seen_at, desk.settings)
    assert desk.status_of(ref) == ("ACTIVE_HEALTHY", None)
    assert desk.run_of(ref).id == run_id, "nothing was lost, so nothing is healed"


def test_a_converge_that_is_canceled_before_it_begins_changes_nothing_and_is_not_repeated(desk: Desk) -> None:
    ref = desk.up()
    run_id = desk.wished(ref)
    desk.cancel(run_id)

    assert desk.worker().cancel_waiting(run_id)
    run = desk.run(run_id)
    assert (run.status, run.explanation, run.generation) == ("canceled", CANCELED, 2)
    assert desk.status_of(ref) == ("ACTIVE_HEALTHY", None)
    assert not desk.is_overdue()


def test_a_converge_that_finds_its_cancel_request_when_it_begins_changes_nothing(desk: Desk) -> None:
    ref = desk.up()
    run_id = desk.wished(ref)
    desk.cancel(run_id)

    assert desk.play(run_id) == "canceled"
    assert desk.status_of(ref) == ("ACTIVE_HEALTHY", None)
    assert not desk.is_overdue()
    assert len(desk.launcher.requests) == 1


class Told(FakeLauncher):
    """A playbook that goes on after its events until the project is told otherwise than healthy, or for two seconds."""

    def __init__(self, desk: Desk, ref: str, **scripts: Script) -> None:
        super().__init__(**scripts)
        self._desk, self._ref = desk, ref
        self.told: tuple[str, str | None] = ("", None)

    async def launch(self, request: LaunchRequest, on_event: OnEvent) -> LaunchOutcome:
        outcome = await super().launch(request, on_event)
        for _ in range(20):
            self.told = await asyncio.to_thread(self._desk.status_of, self._ref)
            if self.told[0] != "ACTIVE_HEALTHY":
                break
            await asyncio.sleep(0.1)
        return outcome


def test_what_a_converge_sees_is_told_while_it_works(desk: Desk) -> None:
    ref = desk.up()
    usual = succeeds()
    sight = observed("healthy", db="unhealthy", auth="exited", rest="starting")
    launcher = Told(desk, ref, project_converge=Script(events=(sight, sight, *usual.events)))

    assert desk.play(desk.wished(ref), launcher) == "succeeded"
    assert launcher.told == ("ACTIVE_UNHEALTHY", "db is unhealthy, auth is exited, rest is starting.")
    assert desk.status_of(ref) == ("ACTIVE_HEALTHY", None)


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied", "master.key"), ArithmeticError("x")])
def test_a_converge_without_inputs_fails_once_and_leaves_its_project_as_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    ref = desk.up()
    run_id = desk.wished(ref)

    def refuse(*_: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(projects, "run_inputs", refuse)
        assert desk.play(run_id) == "failed"
    run = desk.run(run_id)
    expected = "Permission denied" if isinstance(error, OSError) else "ArithmeticError"
    assert expected in (run.explanation or "")
    assert run.generation == 2, "who waits for the change is told that it failed"
    assert desk.status_of(ref) == ("ACTIVE_HEALTHY", None)
    assert not desk.is_overdue()


def test_the_environment_of_the_owner_is_never_shown(desk: Desk) -> None:
    environment = {"auth": {"GOTRUE_SMTP_PASS": "Sup3rSmtpPassw0rd", "GOTRUE_LOG_LEVEL": "storage", "GOTRUE_X": "true"}}
    body = ProjectCreate.model_validate(
        {
            "name": "Acme",
            "organization_slug": desk.organization,
            "db_pass": "correctHorse7battery",
            "settings": {"environment": environment},
        }
    )
    with unit_of_work(desk.engine) as session:
        ref = creation.create_project(session, desk.jobs, body, desk.actor, desk.settings)[0].ref
    run_id = desk.run_of(ref).id
    sentence = "auth exited: login with {} refused, which is true of the service storage"
    desk.launcher.scripts["project_create"] = fails_on("Watch", sentence.format("Sup3rSmtpPassw0rd"))

    assert desk.play(run_id) == "failed"
    assert desk.run(run_id).explanation == sentence.format("********")
    assert "Sup3r" not in desk.told(run_id)


def as_it_is(desk: Desk, ref: str) -> tuple[str, str | None, str, bool]:
    project = desk.project(ref)
    return project.status, project.status_reason, project.desired_state, desk.is_overdue()


def paused(desk: Desk, ref: str) -> None:
    with unit_of_work(desk.engine) as session:
        lifecycle.pause_project(session, desk.jobs, ref, desk.actor)
    assert desk.play(desk.run_of(ref).id) == "succeeded"


def sick(desk: Desk, ref: str) -> None:
    desk.launcher.scripts["project_observe"] = Script(events=(observed("healthy", realtime="unhealthy"),))
    assert desk.play(desk.request(RunKind.PROJECT_OBSERVE, ref)) == "succeeded"


VERBS: dict[str, Callable[[Session, Desk, str], object]] = {
    "delete": lambda session, desk, ref: lifecycle.delete_project(session, desk.jobs, ref, desk.actor),
    "pause": lambda session, desk, ref: lifecycle.pause_project(session, desk.jobs, ref, desk.actor),
    "resume": lambda session, desk, ref: lifecycle.resume_project(session, desk.jobs, ref, desk.actor),
    "restart": lambda session, desk, ref: lifecycle.restart_project(session, desk.jobs, ref, desk.actor),
}


@pytest.mark.parametrize("is_waiting", [True, False], ids=["waiting", "just begun"])
@pytest.mark.parametrize(
    ("prepare", "verb", "before"),
    [
        (None, "delete", ("ACTIVE_HEALTHY", None, "ACTIVE")),
        (None, "pause", ("ACTIVE_HEALTHY", None, "ACTIVE")),
        (None, "restart", ("ACTIVE_HEALTHY", None, "ACTIVE")),
        (sick, "delete", ("ACTIVE_UNHEALTHY", "realtime is unhealthy.", "ACTIVE")),
        (paused, "delete", ("INACTIVE", None, "PAUSED")),
        (paused, "resume", ("INACTIVE", None, "PAUSED")),
    ],
)
def test_a_verb_that_is_canceled_before_it_begins_leaves_the_project_as_it_was(
    desk: Desk,
    prepare: Callable[[Desk, str], None] | None,
    verb: str,
    before: tuple[str, str | None, str],
    is_waiting: bool,
) -> None:
    ref = desk.up()
    if prepare is not None:
        prepare(desk, ref)
    assert as_it_is(desk, ref) == (*before, False)
    with unit_of_work(desk.engine) as session:
        VERBS[verb](session, desk, ref)
    assert as_it_is(desk, ref)[0] != before[0]
    run_id = desk.run_of(ref).id
    desk.cancel(run_id)

    if is_waiting:
        assert desk.worker().cancel_waiting(run_id)
    else:
        assert desk.play(run_id) == "canceled"
    assert desk.run(run_id).explanation == CANCELED
    assert as_it_is(desk, ref) == (*before, False)


def test_a_removal_that_is_canceled_at_work_tells_what_may_have_come_of_it(desk: Desk) -> None:
    ref = desk.up()
    with unit_of_work(desk.engine) as session:
        VERBS["delete"](session, desk, ref)
    run_id = desk.run_of(ref).id
    desk.launcher.scripts["project_delete"] = Script(outcome=LaunchOutcome("canceled", "The run was canceled."))

    assert desk.play(run_id) == "canceled"
    told = "A removal was cut short, so a part of the project may be gone: restart the project to keep what is left."
    assert as_it_is(desk, ref)[:3] == ("ACTIVE_UNHEALTHY", f"{told} The run was canceled.", "REMOVED")
    with unit_of_work(desk.engine) as session:
        VERBS["restart"](session, desk, ref)
    assert desk.play(desk.run_of(ref).id) == "succeeded"
    assert as_it_is(desk, ref)[:3] == ("ACTIVE_HEALTHY", None, "ACTIVE")


def test_a_create_that_is_canceled_before_it_begins_has_failed(desk: Desk) -> None:
    ref = desk.created("Acme")
    run_id = desk.run_of(ref).id
    desk.cancel(run_id)

    assert desk.worker().cancel_waiting(run_id)
    assert as_it_is(desk, ref)[:2] == ("INIT_FAILED", CANCELED)


@pytest.mark.parametrize(
    ("verb", "underway", "ended"),
    [
        ("delete", "GOING_DOWN", "REMOVED"),
        ("pause", "PAUSING", "INACTIVE"),
        ("resume", "RESTORING", "ACTIVE_HEALTHY"),
        ("restart", "RESTARTING", "ACTIVE_HEALTHY"),
    ],
)
def test_a_verb_whose_run_could_not_tell_its_project_can_be_asked_for_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, verb: str, underway: str, ended: str
) -> None:
    ref = desk.up()
    if verb == "resume":
        paused(desk, ref)

    def ask() -> str:
        with unit_of_work(desk.engine) as session:
            VERBS[verb](session, desk, ref)
        return desk.run_of(ref).id

    def refuse(*_: object) -> None:
        raise ArithmeticError

    untold = ask()
    assert ask() == untold, "it is underway"
    with monkeypatch.context() as broken:
        broken.setattr(projects, "apply_state", refuse)
        assert desk.play(untold) == "failed"
    assert desk.status_of(ref)[0] == underway

    assert desk.play(ask()) == "succeeded"
    assert desk.project(ref).status == ended


def test_a_create_that_could_not_tell_its_project_does_not_keep_it_from_being_deleted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = desk.created("Acme")

    def refuse(*_: object) -> None:
        raise ArithmeticError

    with monkeypatch.context() as broken:
        broken.setattr(projects, "apply_state", refuse)
        assert desk.play(desk.run_of(ref).id) == "failed"
    assert desk.status_of(ref)[0] == "COMING_UP"

    with unit_of_work(desk.engine) as session:
        VERBS["delete"](session, desk, ref)
    assert desk.play(desk.run_of(ref).id) == "succeeded"
    assert desk.project(ref).status == "REMOVED"
