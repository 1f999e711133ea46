"""Runs whose jobs are over without them end too; and a worker is known before it takes up anything."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import select

from supafleet.bootstrap import prepare
from supafleet.db import engine_from_url, reading, unit_of_work
from supafleet.jobs import durable, repository
from supafleet.jobs.engine import build_job_engine
from supafleet.jobs.queueing import QueueingJobEngine
from supafleet.jobs.stranded import end_stranded
from supafleet.runner.fake import FakeLauncher, hangs
from supafleet.runs import service as runs
from supafleet.runs.models import WorkerRow
from supafleet.settings import Settings
from tests.integration.jobs.desk import Desk
from tests.integration.jobs.test_queue import Bench

_RUN = "UPDATE {} SET status = '{}', queue_name = NULL WHERE workflow_uuid = :run_id"


@pytest.fixture
def waiting(database_url: str, tmp_path: Path) -> Iterator[Bench]:
    """A bench whose runs are asked for and not carried out before its jobs are started."""
    settings = Settings(
        data_dir=tmp_path / "data", database_url=database_url, run_dir=tmp_path, worker_beat_seconds=0.2
    )
    engine = engine_from_url(database_url)
    prepare(settings, engine)
    queue = QueueingJobEngine(settings)
    queue.start()
    yield Bench(settings, engine, queue, FakeLauncher())
    queue.stop()
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (_RUN.format("{}", "ERROR"), "ended with an error"),
        (_RUN.format("{}", "CANCELLED"), "was canceled"),
        (_RUN.format("{}", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"), "was cut off too often"),
        ("DELETE FROM {} WHERE workflow_uuid = :run_id", "is gone"),
    ],
    ids=["error", "canceled", "recoveries", "gone"],
)
def test_a_run_whose_job_is_over_ends_and_frees_its_project(waiting: Bench, statement: str, told: str) -> None:
    ref, canceled, other = (waiting.created(name) for name in ("Acme", "Canceled", "Other"))
    for stranded in (ref, canceled):
        _change_job(waiting.engine, statement, waiting.run_of(stranded).id)
    waiting.cancel(waiting.run_of(canceled).id)
    jobs = build_job_engine(waiting.settings, waiting.engine, waiting.launcher)
    jobs.start()
    try:
        run = waiting.ended(waiting.run_of(ref).id)
        assert (run.status, run.explanation) == (
            "failed",
            f"Nobody carries out this run any more: its job {told}.",
        )
        assert waiting.status_of(ref) == ("INIT_FAILED", run.explanation)
        with reading(waiting.engine) as session:
            runs.require_idle(session, ref)
        run = waiting.ended(waiting.run_of(canceled).id)
        assert (run.status, run.explanation) == ("canceled", "The run was canceled by somebody.")
        assert waiting.ended(waiting.run_of(other).id).status == "succeeded"
    finally:
        jobs.stop()


def test_a_run_that_somebody_carries_out_is_left_to_its_worker(desk: Desk) -> None:
    run_id = desk.run_of(desk.created("Acme")).id
    launcher = FakeLauncher(project_create=hangs())
    holder, other = desk.worker(launcher, "worker-a"), desk.worker(name="worker-b")
    with unit_of_work(desk.engine) as session:
        repository.beat(session, "worker-a")
    asked: list[str] = []

    def know_no_job(run_ids: Sequence[str]) -> dict[str, str]:
        asked.extend(run_ids)
        return {}

    async def scenario() -> Any:
        playing = asyncio.create_task(holder.play(run_id))
        while not launcher.requests:
            await asyncio.sleep(0.01)
        for worker, dead_seconds in ((holder, 50.0), (other, 50.0)):
            await asyncio.to_thread(end_stranded, desk.engine, worker, dead_seconds, know_no_job)
        assert asked == []
        # Its worker counts as dead at once.
        await asyncio.to_thread(end_stranded, desk.engine, other, -1.0, know_no_job)
        launcher.cancel(run_id)
        return await playing

    assert asyncio.run(scenario()) == {"status": "taken over"}
    run = desk.run(run_id)
    assert (asked, run.status) == ([run_id], "failed")
    assert run.explanation == "Nobody carries out this run any more: its job is gone."


def test_a_worker_is_known_before_it_takes_up_runs(waiting: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    launch, seen = durable.DBOS.launch, []

    def launch_after_looking() -> None:
        with reading(waiting.engine) as session:
            seen.append([worker.seen > 0 for worker in session.exec(select(WorkerRow))])
        launch()

    monkeypatch.setattr(durable.DBOS, "launch", launch_after_looking)
    for _ in ("first start", "start after it has retired"):
        jobs = build_job_engine(waiting.settings, waiting.engine, waiting.launcher)
        jobs.start()
        jobs.stop()
    assert seen == [[True], [True]]


def _change_job(engine: Engine, statement: str, run_id: str) -> None:
    table = "dbos.workflow_status" if engine.dialect.name == "postgresql" else "workflow_status"
    with engine.begin() as connection:
        connection.execute(sa.text(statement.format(table)), {"run_id": run_id})
