"""An API without a worker and workers without an API, on one PostgreSQL database."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.conftest import PostgresServer, running_postgres
from tests.integration.jobs.conftest import ServiceFactory, running_services
from tests.integration.jobs.live_service import FAST, ServiceProcess
from tests.integration.jobs.live_worker import WorkerProcess, playbooks_of

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
_DEAD_SECONDS = float(FAST["SUPAFLEET_WORKER_DEAD_SECONDS"])
_OUTAGE_SECONDS = 15


@on_postgresql
def test_a_run_waits_for_workers_and_outlives_the_one_that_is_killed(services: ServiceFactory) -> None:
    api = services("api", SUPAFLEET_EMBEDDED_WORKER="false").start()
    ref = api.create_project("Slow 12")
    run_id = api.run_of(ref)["id"]
    time.sleep(1.5)
    assert (api.run_of(ref)["status"], api.status_of(ref)) == ("queued", "COMING_UP"), "there is no worker yet"

    first, second = (services(name, WorkerProcess, SUPAFLEET_WORKER_SLOTS="1") for name in ("first", "second"))
    with ThreadPoolExecutor(2) as pool:  # one after the other, the run could be over before both are there
        for started in [pool.submit(worker.start) for worker in (first, second)]:
            started.result()
    api.wait_until_it_runs(run_id)
    holder, heir = (first, second) if first.marked() else (second, first)
    assert api.marked() == []

    holder.end(signal.SIGKILL)
    began, most, taken_over = time.monotonic(), 0, 0.0
    while (run := api.run_of(ref))["status"] != "succeeded":
        most = max(most, len(playbooks_of(run_id)))
        if run["attempt"] == 1:
            # The dead worker's last beat, our own pause between looks, and a slow machine.
            assert time.monotonic() - began < _DEAD_SECONDS + 10, heir.log
            taken_over = time.monotonic() - began
        assert time.monotonic() - began < 120, heir.log
        time.sleep(0.1)
    print(f"taken over {taken_over:.1f} s after the death, with a limit of {_DEAD_SECONDS:.0f} s for the dead")

    assert most == 1, "two playbooks worked on the run at the same time"
    api.assert_ended_well(ref, run_id, run["attempt"])
    assert run["attempt"] >= 2
    assert (holder.marked(), heir.marked(), heir.private_folders()) == ([], [], [])
    _assert_cancels_reach_the_worker(api, heir)


def _assert_cancels_reach_the_worker(api: ServiceProcess, worker: ServiceProcess) -> None:
    running = api.run_of(api.create_project("Slow 40"))["id"]
    api.wait_until_it_runs(running)
    waiting = api.run_of(api.create_project("Waiting"))["id"]
    for run_id in (waiting, running):
        assert api.client.post(f"/fleet/runs/{run_id}/cancel").status_code == 202
        run = api.wait_for(run_id, "canceled", seconds=15)
        assert run["explanation"] == "The run was canceled by owner."
    assert worker.marked() == []


@on_postgresql
def test_a_run_goes_on_whoever_is_given_it_when_its_worker_comes_back(services: ServiceFactory) -> None:
    api = services("api", SUPAFLEET_EMBEDDED_WORKER="false").start()
    workers = [services(name, WorkerProcess).start() for name in ("first", "second")]
    # Under its old name a worker gives its jobs back to the queue, and which of the two is faster is chance.
    for number in range(3):
        ref = api.create_project(f"Slow 3 number {number}")
        run_id = api.run_of(ref)["id"]
        api.wait_until_it_runs(run_id)
        holder = next(worker for worker in workers if worker.marked())
        holder.end(signal.SIGKILL)
        holder.start()
        run = api.wait_for(run_id, "succeeded", "failed", seconds=60)
        assert (run["status"], run["attempt"]) == ("succeeded", 2), run["explanation"]


@on_postgresql
def test_workers_and_an_api_end_well_when_asked_to(services: ServiceFactory) -> None:
    worker = services("worker", WorkerProcess).start()
    api = services("api", SUPAFLEET_EMBEDDED_WORKER="false").start()
    ref = api.create_project("Slow 3")
    run_id = api.run_of(ref)["id"]
    api.wait_until_it_runs(run_id)

    assert worker.end(signal.SIGTERM) == 0
    assert worker.marked() == []
    worker.start()
    api.assert_ended_well(ref, run_id, attempt=2)

    assert worker.end(signal.SIGINT) == 0
    assert "worker.stopped" in worker.log
    assert "Traceback" not in worker.log
    api.end(signal.SIGTERM)
    assert "service.stopped" in api.log


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server that the test may stop."""
    with running_postgres() as server:
        yield server


def test_an_outage_of_the_database_loses_nothing(server: PostgresServer, tmp_path: Path) -> None:
    with running_services(tmp_path, server.create_database()) as make:
        api = make("api", SUPAFLEET_EMBEDDED_WORKER="false").start()
        workers = [make(name, WorkerProcess).start() for name in ("first", "second")]
        refs = [api.create_project(f"Load{number} 4") for number in range(7)]
        runs = {ref: api.run_of(ref)["id"] for ref in refs}
        while len([ref for ref in refs if api.run_of(ref)["status"] == "running"]) < 4:
            time.sleep(0.1)
        statuses = [api.run_of(ref)["status"] for ref in refs]
        assert "queued" in statuses

        server.stop()
        assert api.client.get("/readyz").status_code == 503
        time.sleep(_OUTAGE_SECONDS)
        assert [pid for worker in workers for pid in worker.marked() if pid != worker.pid] == []
        server.start()

        began, most = time.monotonic(), 0
        unfinished = set(refs)
        while unfinished:
            most = max([most, *(len(playbooks_of(runs[ref])) for ref in unfinished)])
            unfinished = {ref for ref in unfinished if api.run_of(ref)["ended_at"] is None}
            assert time.monotonic() - began < 240, "\n".join(worker.log[-3000:] for worker in workers)
            time.sleep(0.3)
        attempts = [api.run_of(ref)["attempt"] for ref in refs]
        print(f"before {statuses}; all ended {time.monotonic() - began:.1f} s after the outage, attempts {attempts}")

        assert most == 1, "two playbooks worked on a run at the same time"
        assert max(attempts) >= 2, "the outage interrupted nothing"
        for ref, attempt in zip(refs, attempts, strict=True):
            api.assert_ended_well(ref, runs[ref], attempt)
            assert len(api.client.get("/fleet/runs", params={"project": ref}).json()) == 1
        assert [pid for worker in workers for pid in worker.marked() if pid != worker.pid] == []
