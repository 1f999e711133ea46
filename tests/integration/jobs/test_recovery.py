"""Nothing that was asked for is lost, and nothing is done twice, whatever is killed."""

import signal
import time

import pytest

from tests.integration.jobs.conftest import ServiceFactory
from tests.integration.jobs.live_service import ServiceProcess


def _create_and_wait_until_it_runs(service: ServiceProcess) -> tuple[str, str]:
    ref = service.create_project()
    run_id = service.run_of(ref)["id"]
    for event in service.events(run_id):
        if event["phase"] == "start":
            break
    return ref, run_id


def _assert_ended_well(service: ServiceProcess, ref: str, run_id: str, attempt: int) -> None:
    run = service.wait_for(run_id, "succeeded", "failed", "canceled")
    assert (run["status"], run["attempt"], run["explanation"]) == ("succeeded", attempt, None)
    assert service.status_of(ref) == "ACTIVE_HEALTHY"
    events = list(service.events(run_id))
    assert [event["number"] for event in events] == list(range(1, len(events) + 1))
    assert [event["kind"] for event in events].count("run.ended") == 1
    assert events[-1]["kind"] == "run.ended"
    assert [event["detail"]["attempt"] for event in events if event["kind"] == "run.started"][-1] == attempt
    deadline = time.monotonic() + 10
    while (service.marked() or service.private_folders()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert service.marked() == []
    assert service.private_folders() == []


def test_a_create_ends_well(services: ServiceFactory) -> None:
    service = services().start()
    asked = time.monotonic()
    ref = service.create_project()
    run_id = service.run_of(ref)["id"]
    first = next(event for event in service.events(run_id) if event["kind"] == "phase.started")
    print(f"POST to the playbook's first task: {time.monotonic() - asked:.2f} s (event {first['number']})")

    _assert_ended_well(service, ref, run_id, attempt=1)
    run = service.run_of(ref)
    assert [phase["name"] for phase in run["phases"]] == ["start", "watch"]
    assert run["phases"][0]["seconds"] >= 3
    assert set(run["services"].values()) == {"healthy"}
    assert run["playbooks_commit"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_service_takes_its_run_up_again(services: ServiceFactory, number: signal.Signals) -> None:
    service = services().start()
    ref, run_id = _create_and_wait_until_it_runs(service)

    service.end(number)
    service.start()
    began = time.monotonic()
    run = service.wait_for(run_id, "running", "succeeded")
    while run["attempt"] < 2:
        assert time.monotonic() - began < 10, service.log
        run = service.wait_for(run_id, "running", "succeeded")
    print(f"taken up {time.monotonic() - began:.2f} s after the start; folders: {len(service.private_folders())}")
    assert len(service.private_folders()) <= 1

    _assert_ended_well(service, ref, run_id, attempt=2)


def test_sigterm_leaves_no_process(services: ServiceFactory) -> None:
    service = services().start()
    _create_and_wait_until_it_runs(service)

    assert service.end(signal.SIGTERM) == 0
    assert service.marked() == []


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

    _assert_ended_well(heir, ref, run_id, attempt=2)


def test_a_frozen_workers_run_is_taken_over_and_its_late_word_does_not_count(services: ServiceFactory) -> None:
    first, second = services("first").start(), services("second").start()
    ref, run_id = _create_and_wait_until_it_runs(first)
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
    _assert_ended_well(heir, ref, run_id, attempt=2)


def test_cancel_of_a_running_run_leaves_nothing(services: ServiceFactory) -> None:
    service = services().start()
    ref, run_id = _create_and_wait_until_it_runs(service)

    assert service.client.post(f"/fleet/runs/{run_id}/cancel").status_code == 202
    run = service.wait_for(run_id, "canceled", seconds=15)

    assert run["explanation"] == "The run was canceled by owner."
    assert service.marked() == []
    assert service.private_folders() == []
    assert service.status_of(ref) == "INIT_FAILED"
    again = service.client.post(f"/fleet/runs/{run_id}/cancel")
    assert (again.status_code, set(again.json())) == (409, {"message"})


def test_cancel_of_a_waiting_run_ends_it_at_once(services: ServiceFactory) -> None:
    service = services(SUPAFLEET_WORKER_SLOTS="1").start()
    _create_and_wait_until_it_runs(service)
    ref = service.create_project("Waiting")
    run_id = service.run_of(ref)["id"]

    assert service.client.post(f"/fleet/runs/{run_id}/cancel").status_code == 202
    run = service.wait_for(run_id, "canceled", seconds=4)

    assert run["attempt"] == 1
    assert [event["kind"] for event in service.events(run_id)] == ["run.started", "run.ended"]
    assert service.status_of(ref) == "INIT_FAILED"


def test_delete_then_create_again_under_the_same_name(services: ServiceFactory) -> None:
    service = services().start()
    ref = service.create_project()
    service.wait_for(service.run_of(ref)["id"], "succeeded")

    assert service.client.delete(f"/v1/projects/{ref}").status_code == 200
    run_id = service.run_of(ref)["id"]
    run = service.wait_for(run_id, "succeeded", "failed")

    assert (run["kind"], run["status"], run["explanation"]) == ("project_delete", "succeeded", None)
    assert service.client.get(f"/v1/projects/{ref}").status_code == 404
    assert service.create_project() != ref
