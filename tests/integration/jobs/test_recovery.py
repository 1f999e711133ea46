"""Nothing that was asked for is lost, and nothing is done twice, whatever is killed."""

import signal
import time

import pytest

from tests.integration.jobs.conftest import ServiceFactory
from tests.integration.jobs.live_service import ServiceProcess

# On SQLite one process carries out everything; several workers need PostgreSQL.
several_workers = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def _create_and_wait_until_it_runs(service: ServiceProcess, name: str = "Acme") -> tuple[str, str]:
    ref = service.create_project(name)
    run_id = service.run_of(ref)["id"]
    service.wait_until_it_runs(run_id)
    return ref, run_id


def _assert_taken_up_soon(service: ServiceProcess, run_id: str, attempt: int) -> None:
    began = time.monotonic()
    run = service.wait_for(run_id, "running", "succeeded")
    while run["attempt"] < attempt:
        assert time.monotonic() - began < 10, service.log
        run = service.wait_for(run_id, "running", "succeeded")
    print(f"taken up {time.monotonic() - began:.2f} s after the start; folders: {len(service.private_folders())}")
    assert len(service.private_folders()) <= 1


def test_a_service_that_is_killed_and_then_stopped_takes_its_run_up_each_time(services: ServiceFactory) -> None:
    service = services().start()
    ref, run_id = _create_and_wait_until_it_runs(service)

    service.end(signal.SIGKILL)
    service.start()
    _assert_taken_up_soon(service, run_id, attempt=2)
    service.wait_until_it_runs(run_id, attempt=2)

    assert service.end(signal.SIGTERM) == 0
    assert service.marked() == []
    service.start()
    _assert_taken_up_soon(service, run_id, attempt=3)
    service.assert_ended_well(ref, run_id, attempt=3)


@several_workers
def test_another_worker_takes_over_from_a_dead_one(services: ServiceFactory) -> None:
    first, second = services("first").start(), services("second").start()
    ref, run_id = _create_and_wait_until_it_runs(first)
    holder = first if first.marked() else second
    heir = second if holder is first else first

    holder.end(signal.SIGKILL)
    began = time.monotonic()
    run = heir.wait_for(run_id, "running", "succeeded")
    while run["attempt"] < 2:
        assert time.monotonic() - began < 30, heir.log
        run = heir.wait_for(run_id, "running", "succeeded")
    print(f"taken over {time.monotonic() - began:.2f} s after the death, with a limit of 6 s for the dead")

    heir.assert_ended_well(ref, run_id, attempt=2)


@several_workers
def test_a_frozen_workers_run_is_taken_over_and_its_late_word_does_not_count(services: ServiceFactory) -> None:
    first, second = services("first").start(), services("second").start()
    # Longer than the lease: the playbook must not come to its end by itself.
    ref, run_id = _create_and_wait_until_it_runs(first, "Slow 4")
    holder = first if first.marked() else second
    heir = second if holder is first else first

    holder.send(signal.SIGSTOP)
    try:
        run = heir.wait_for(run_id, "succeeded", seconds=60)
        assert run["attempt"] == 2
        assert [pid for pid in holder.marked() if pid != holder.pid] == [], "the lease should have ended the playbook"
    finally:
        holder.send(signal.SIGCONT)
    time.sleep(2)
    heir.assert_ended_well(ref, run_id, attempt=2)


def test_cancel_ends_a_waiting_run_at_once_and_a_running_one_without_a_trace(services: ServiceFactory) -> None:
    service = services(SUPAFLEET_WORKER_SLOTS="1").start()
    running_ref, running = _create_and_wait_until_it_runs(service, "Slow 40")
    waiting_ref = service.create_project("Waiting")
    waiting = service.run_of(waiting_ref)["id"]

    assert service.client.post(f"/fleet/runs/{waiting}/cancel").status_code == 202
    run = service.wait_for(waiting, "canceled", seconds=4)

    assert run["attempt"] == 1
    assert [event["kind"] for event in service.events(waiting)] == ["run.started", "run.ended"]
    assert service.status_of(waiting_ref) == "INIT_FAILED"

    assert service.client.post(f"/fleet/runs/{running}/cancel").status_code == 202
    run = service.wait_for(running, "canceled", seconds=15)

    assert run["explanation"] == "The run was canceled by owner."
    assert service.marked() == []
    assert service.private_folders() == []
    assert service.status_of(running_ref) == "INIT_FAILED"
    again = service.client.post(f"/fleet/runs/{running}/cancel")
    assert (again.status_code, set(again.json())) == (409, {"message"})
