"""Runs that ended long ago go, with their events and jobs; others stay."""

import threading
import time
import uuid
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from supafleet.audit.models import AuditEntry
from supafleet.bootstrap import prepare
from supafleet.db import engine_from_url, unit_of_work, utc_now
from supafleet.jobs.engine import build_job_engine
from supafleet.jobs.tidying import Tidying
from supafleet.runner.fake import FakeLauncher
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import RunKind, RunStatus
from supafleet.settings import Settings
from tests.integration.jobs.test_queue import Bench


def prepared(database_url: str, folder: Path, **chosen: int) -> tuple[Settings, Engine]:
    """The settings and the database of a service that has not started yet."""
    settings = Settings(data_dir=folder / "data", database_url=database_url, run_dir=folder, **chosen)  # type: ignore[arg-type]
    engine = engine_from_url(database_url)
    prepare(settings, engine)
    return settings, engine


def test_runs_are_kept_for_the_days_of_the_setting(database_url: str, tmp_path: Path) -> None:
    settings, engine = prepared(database_url, tmp_path, run_retention_days=7)
    jobs = build_job_engine(settings, engine, FakeLauncher())
    jobs.start()
    bench = Bench(settings, engine, jobs, FakeLauncher())
    old, kept = (bench.ended(bench.run_of(bench.created(name)).id).id for name in ("Old", "Kept"))
    for run_id, days in ((old, 7.1), (kept, 6.9)):
        with unit_of_work(engine) as session:
            session.execute(
                sa.update(Run).where(Run.id == run_id).values(ended_at=utc_now() - timedelta(days=days))  # type: ignore[arg-type]
            )
    for operation, days in (("old", 366), ("kept", 364)):
        with unit_of_work(engine) as session:
            at = utc_now() - timedelta(days=days)
            fields = {"at": at, "operation": operation, "target": {}, "status": 200, "outcome": "done"}
            session.add(AuditEntry.model_validate(fields))
    jobs.stop()

    # It looks at its start, and then every hour.
    jobs = build_job_engine(settings, engine, FakeLauncher())
    jobs.start()
    table = "dbos.workflow_status" if engine.dialect.name == "postgresql" else "workflow_status"
    deadline = time.monotonic() + 10
    while _count(engine, "run", "id", old) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)
    jobs.stop()
    assert [_count(engine, *place, old) for place in (("run", "id"), ("run_event", "run_id"))] == [0, 0]
    assert _count(engine, table, "workflow_uuid", old) == 0
    assert _count(engine, "run", "id", kept) == 1
    assert _count(engine, "run_event", "run_id", kept) > 1
    assert _count(engine, table, "workflow_uuid", kept) == 1
    assert [_count(engine, "audit_entry", "operation", operation) for operation in ("old", "kept")] == [0, 1]
    engine.dispose()


def test_all_that_is_old_goes_at_once_however_much_it_is(database_url: str, tmp_path: Path) -> None:
    settings, engine = prepared(database_url, tmp_path)
    _add_old_runs(engine, 1050)
    jobs = build_job_engine(settings, engine, FakeLauncher())
    jobs.start()
    deadline = time.monotonic() + 60
    while _count(engine, "run", "actor", "somebody") and time.monotonic() < deadline:
        time.sleep(0.1)
    jobs.stop()
    assert _count(engine, "run", "actor", "somebody") == 0
    engine.dispose()


def test_a_run_whose_job_could_not_be_forgotten_stays_until_it_can(database_url: str, tmp_path: Path) -> None:
    settings, engine = prepared(database_url, tmp_path)
    _add_old_runs(engine, 1)
    asked = threading.Event()

    def refuse(_: list[str]) -> None:
        asked.set()
        raise RuntimeError("killed")

    tidying = Tidying(engine, settings, refuse)
    tidying.start()
    assert asked.wait(20)
    tidying.stop()
    assert _count(engine, "run", "actor", "somebody") == 1

    forgotten: list[str] = []
    tidying = Tidying(engine, settings, forgotten.extend)
    tidying.start()
    deadline = time.monotonic() + 20
    while _count(engine, "run", "actor", "somebody") and time.monotonic() < deadline:
        time.sleep(0.05)
    tidying.stop()
    assert _count(engine, "run", "actor", "somebody") == 0
    assert len(forgotten) == 1
    engine.dispose()


def _add_old_runs(engine: sa.Engine, count: int) -> None:
    at = utc_now() - timedelta(days=400)
    rows = [
        {
            "id": str(uuid.uuid4()),
            "kind": RunKind.PROJECT_CREATE,
            "lane": RunKind.PROJECT_CREATE.lane,
            "project_ref": f"old{number}",
            "host": "local",
            "actor": "somebody",
            "driver": "api",
            "status": RunStatus.SUCCEEDED,
            "attempt": 1,
            "priority": 10,
            "options": {},
            "services": {},
            "last_number": 0,
            "created_at": at,
            "ended_at": at,
        }
        for number in range(count)
    ]
    with unit_of_work(engine) as session:
        session.execute(sa.insert(Run), rows)


def _count(engine: sa.Engine, table: str, column: str, value: str) -> int:
    with engine.connect() as connection:
        statement = sa.text(f"SELECT count(*) FROM {table} WHERE {column} = :value")
        return int(connection.execute(statement, {"value": value}).scalar_one())
