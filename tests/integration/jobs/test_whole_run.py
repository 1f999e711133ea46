"""A run from its request to its end: what it leaves, and its events as a stream, live and from any number on."""

from datetime import datetime

from tests.integration.jobs.conftest import FollowedCreate


def test_a_create_ends_well(followed_create: FollowedCreate) -> None:
    service, ref, run_id = followed_create.service, followed_create.ref, followed_create.run_id
    first = next(event for event in followed_create.events if event["kind"] == "phase.started")
    until_first = followed_create.arrived_at[first["number"] - 1] - followed_create.asked_at
    print(f"POST to the playbook's first task: {until_first.total_seconds():.2f} s (event {first['number']})")

    service.assert_ended_well(ref, run_id, attempt=1)
    run = service.run_of(ref)
    assert [phase["name"] for phase in run["phases"]] == ["start", "watch"]
    assert run["phases"][0]["seconds"] >= 2
    assert set(run["services"].values()) == {"healthy"}
    assert run["playbooks_commit"]


def test_events_are_streamed_from_any_number_on(followed_create: FollowedCreate) -> None:
    service, live = followed_create.service, followed_create.events
    lags = [
        (arrived_at - datetime.fromisoformat(event["at"])).total_seconds() * 1000
        for event, arrived_at in zip(live, followed_create.arrived_at, strict=True)
        if event["kind"] in ("phase.started", "services.observed")
    ]
    print(f"lag from Ansible to the reader: median {sorted(lags)[len(lags) // 2]:.0f} ms, of {len(lags)}")
    assert [event["number"] for event in live] == list(range(1, len(live) + 1))
    assert (live[0]["kind"], live[-1]["kind"]) == ("run.started", "run.ended")
    assert {"phase.started", "task.changed", "services.observed", "checks.reported"} <= {e["kind"] for e in live}

    run_id = followed_create.run_id
    address = f"/fleet/runs/{run_id}/events"
    assert list(service.events(run_id)) == live
    assert list(service.events(run_id, **{"Last-Event-ID": "3"})) == live[3:]
    assert list(service.events(run_id, **{"Last-Event-ID": "100000"})) == []
    text = service.client.get(address, params={"from": 2}).text
    assert text.startswith(f"id: 2\nevent: {live[1]['kind']}\ndata: ")
    both = service.client.get(address, params={"from": 2}, headers={"Last-Event-ID": "4"}).text
    assert both.startswith("id: 5\n")

    refused = service.client.get(address, headers={"Last-Event-ID": "x"})
    assert (refused.status_code, refused.json()) == (422, {"message": "Last-Event-ID: must be the number of an event"})
    assert service.client.get(address, params={"from": 0}).status_code == 422
    assert service.client.get("/fleet/runs/none/events").status_code == 404
    assert service.client.get(address, headers={"Authorization": ""}).status_code == 401
    assert service.client.get(address).headers["content-type"].startswith("text/event-stream")


def test_delete_then_create_again_under_the_same_name(followed_create: FollowedCreate) -> None:
    """The last look at the create: the project goes."""
    service, ref = followed_create.service, followed_create.ref
    assert service.client.delete(f"/v1/projects/{ref}").status_code == 200
    run_id = service.run_of(ref)["id"]
    run = service.wait_for(run_id, "succeeded", "failed")

    assert (run["kind"], run["status"], run["explanation"]) == ("project_delete", "succeeded", None)
    assert service.client.get(f"/v1/projects/{ref}").status_code == 404
    assert service.create_project() != ref
