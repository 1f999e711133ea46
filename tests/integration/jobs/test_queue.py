"""The job engine in process, with scripted playbooks, on both databases."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from supafleet.accounts.models import Account
from supafleet.accounts.service import Actor
from supafleet.bootstrap import prepare
from supafleet.db import engine_from_url, reading, row_id, unit_of_work
from supafleet.errors import ProjectBusy
from supafleet.jobs.engine import JobEngine, build_job_engine
from supafleet.organizations.models import Organization
from supafleet.projects import creation
from supafleet.projects import service as projects
from supafleet.projects.schemas import ProjectCreate
from supafleet.runner.fake import FakeLauncher, Script, fails_on, hangs, observed, succeeds
from supafleet.runs import repository
from supafleet.runs import service as runs
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import EventKind, RunEvent, RunKind
from supafleet.settings import Settings


class Bench:
    """A started job engine over an empty database."""

    def __init__(self, settings: Settings, engine: Engine, jobs: JobEngine, launcher: FakeLauncher) -> None:
        self.settings, self.engine, self.jobs, self.launcher = settings, engine, jobs, launcher
        with reading(engine) as session:
            account = session.exec(select(Account)).one()
            self.organization = session.exec(select(Organization)).one().slug
            self.actor = Actor(row_id(account), account.gotrue_id, account.primary_email, account.username)

    def create(self, session: Session, name: str) -> str:
        body = ProjectCreate(name=name, organization_slug=self.organization, db_pass="correctHorse7battery")
        project, _ = creation.create_project(session, self.jobs, body, self.actor, self.settings)
        return project.ref

    def created(self, name: str) -> str:
        with unit_of_work(self.engine) as session:
            return self.create(session, name)

    def request(self, kind: RunKind, ref: str) -> str:
        with unit_of_work(self.engine) as session:
            return runs.request_run(session, self.jobs, kind, ref, host="local", actor="somebody").id

    def run_of(self, ref: str) -> Run:
        with reading(self.engine) as session:
            run = runs.latest_run(session, ref)
            assert run is not None
            return run

    def ended(self, run_id: str, seconds: float = 20) -> Run:
        return self.until(lambda run: run.ended_at is not None, run_id, seconds)

    def until(self, is_so: Callable[[Run], bool], run_id: str, seconds: float = 20) -> Run:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with reading(self.engine) as session:
                run = runs.get_run(session, run_id)
            if is_so(run):
                return run
            time.sleep(0.02)
        raise AssertionError(f"still {run}")

    def status_of(self, ref: str) -> tuple[str, str | None]:
        with reading(self.engine) as session:
            state = projects.folded_state(session, ref)
        return state.status, state.reason

    def cancel(self, run_id: str) -> None:
        with unit_of_work(self.engine) as session:
            runs.cancel_run(session, run_id, "somebody")


@pytest.fixture
def bench(database_url: str, tmp_path: Path) -> Iterator[Bench]:
    settings = Settings(
        data_dir=tmp_path / "data", database_url=database_url, run_dir=tmp_path, worker_slots=3, host_run_limit=2
    )
    engine = engine_from_url(database_url)
    prepare(settings, engine)
    launcher = FakeLauncher()
    jobs = build_job_engine(settings, engine, launcher)
    jobs.start()
    yield Bench(settings, engine, jobs, launcher)
    jobs.stop()
    engine.dispose()


def test_a_project_is_healthy_only_after_it_was_seen_so(bench: Bench) -> None:
    ref = bench.created("Acme")
    run = bench.ended(bench.run_of(ref).id)

    assert (run.status, run.explanation, run.attempt) == ("succeeded", None, 1)
    assert bench.status_of(ref) == ("ACTIVE_HEALTHY", None)
    with reading(bench.engine) as session:
        numbers = [event.number for event in runs.events_after(session, run.id, 0)]
        rest = [event.number for event in runs.events_after(session, run.id, 4)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert rest == numbers[4:]


def test_a_playbook_that_ended_well_but_saw_too_little_has_failed(bench: Bench) -> None:
    bench.launcher.scripts["project_create"] = Script(events=(observed("healthy", realtime="starting"),))
    ref = bench.created("Acme")
    run = bench.ended(bench.run_of(ref).id)

    assert run.status == "failed"
    assert run.explanation == "The run ended, but realtime is starting."
    assert bench.status_of(ref) == ("INIT_FAILED", run.explanation)


def test_a_failure_names_its_reason(bench: Bench) -> None:
    bench.launcher.scripts["project_create"] = fails_on("Watch", "service db ended with exit code 1")
    ref = bench.created("Acme")
    run = bench.ended(bench.run_of(ref).id)

    assert run.status == "failed"
    assert bench.status_of(ref) == ("INIT_FAILED", "service db ended with exit code 1")


def test_without_commit_there_is_no_run_and_no_job(bench: Bench) -> None:
    def request_and_fail() -> None:
        with unit_of_work(bench.engine) as session:
            bench.create(session, "Acme")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        request_and_fail()
    time.sleep(0.6)

    assert bench.launcher.requests == []
    with reading(bench.engine) as session:
        assert repository.list_runs(session, None, 10) == []


def test_of_many_requests_at_once_one_holds_the_project(bench: Bench) -> None:
    ref = bench.created("Acme")
    bench.ended(bench.run_of(ref).id)
    bench.launcher.scripts["project_delete"] = hangs()
    answers: list[str] = []

    def ask() -> None:
        try:
            bench.request(RunKind.PROJECT_DELETE, ref)
            answers.append("accepted")
        except ProjectBusy as refusal:
            answers.append(refusal.message)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    refusals = {answer for answer in answers if answer != "accepted"}
    assert answers.count("accepted") == 1
    assert len(answers) == 8
    assert all(f"Project '{ref}' is busy: deleting the project by somebody" in refusal for refusal in refusals)


def test_limits_of_a_host_hold_and_everything_is_done_in_the_end(bench: Bench) -> None:
    bench.launcher.scripts["project_create"] = hangs()
    refs = [bench.created(f"Project {number}") for number in range(4)]
    ids = [bench.run_of(ref).id for ref in refs]
    bench.until(lambda _: len(bench.launcher.requests) >= 2, ids[0])
    time.sleep(1.5)
    assert len(bench.launcher.requests) == 2, "the limit of the host is 2"

    bench.launcher.scripts["project_create"] = succeeds()
    for request in list(bench.launcher.requests):
        bench.cancel(request.run_id)
    statuses = sorted(bench.ended(run_id).status for run_id in ids)
    assert statuses == ["canceled", "canceled", "succeeded", "succeeded"]


def test_looking_does_not_wait_for_a_change_and_what_it_saw_then_does_not_count(bench: Bench) -> None:
    bench.launcher.scripts["project_create"] = hangs()
    bench.launcher.scripts["project_observe"] = Script(events=(observed("unhealthy"),))
    ref = bench.created("Acme")
    create_id = bench.run_of(ref).id
    bench.until(lambda run: set(run.services.values()) == {"starting"}, create_id)

    look = bench.ended(bench.request(RunKind.PROJECT_OBSERVE, ref))

    assert look.status == "succeeded"
    assert "does not count" in (look.explanation or "")
    assert bench.run_of(ref).ended_at is None
    with reading(bench.engine) as session:
        phases = {service.phase for service in projects.folded_state(session, ref).services.values()}
    assert phases == {"starting"}


def test_looking_does_not_wait_for_creates_of_others(bench: Bench) -> None:
    ref = bench.created("Acme")
    bench.ended(bench.run_of(ref).id)
    bench.launcher.scripts["project_create"] = hangs()
    others = [bench.run_of(bench.created(f"Other {number}")).id for number in range(3)]
    bench.until(lambda _: len(bench.launcher.requests) >= 3, others[0])

    bench.launcher.scripts["project_observe"] = Script(events=(observed("healthy"),))
    assert bench.ended(bench.request(RunKind.PROJECT_OBSERVE, ref)).status == "succeeded"


def test_a_look_finds_what_became_unhealthy_and_what_recovered(bench: Bench) -> None:
    ref = bench.created("Acme")
    bench.ended(bench.run_of(ref).id)

    bench.launcher.scripts["project_observe"] = Script(events=(observed("healthy", auth="restarting"),))
    bench.ended(bench.request(RunKind.PROJECT_OBSERVE, ref))
    assert bench.status_of(ref) == ("ACTIVE_UNHEALTHY", "auth is restarting.")

    bench.launcher.scripts["project_observe"] = Script(events=(observed("healthy"),))
    bench.ended(bench.request(RunKind.PROJECT_OBSERVE, ref))
    assert bench.status_of(ref) == ("ACTIVE_HEALTHY", None)


def test_an_unfinished_look_is_shared(bench: Bench) -> None:
    ref = bench.created("Acme")
    bench.ended(bench.run_of(ref).id)
    bench.launcher.scripts["project_observe"] = hangs()

    assert bench.request(RunKind.PROJECT_OBSERVE, ref) == bench.request(RunKind.PROJECT_OBSERVE, ref)


def test_an_attempt_that_was_overtaken_writes_nothing(bench: Bench) -> None:
    bench.launcher.scripts["project_create"] = hangs()
    ref = bench.created("Acme")
    run = bench.until(lambda run: bool(run.services), bench.run_of(ref).id)
    late = RunEvent(at=run.created_at, kind=EventKind.TASK_OK)
    with unit_of_work(bench.engine) as session:
        assert repository.write_fenced(session, run.id, run.attempt - 1, {"explanation": "late"}, [late]) == 0
    with reading(bench.engine) as session:
        after = runs.get_run(session, run.id)
        assert (after.last_number, after.explanation) == (run.last_number, None)


def test_many_events_arrive_in_order_and_without_gaps(bench: Bench) -> None:
    tasks = [f"Task {number}" for number in range(999)]
    many = tuple(RunEvent(at=observed().at, kind=EventKind.TASK_OK, phase="files", task=task) for task in tasks)
    bench.launcher.scripts["project_create"] = Script(events=(*many, *succeeds().events))
    ref = bench.created("Acme")
    run = bench.ended(bench.run_of(ref).id)

    assert run.status == "succeeded"
    collected: list[tuple[int, str | None]] = []
    with reading(bench.engine) as session:
        while page := runs.events_after(session, run.id, len(collected)):
            collected.extend((event.number, event.task) for event in page)
    assert [number for number, _ in collected] == list(range(1, run.last_number + 1))
    assert [task for _, task in collected if task and task.startswith("Task")] == tasks
