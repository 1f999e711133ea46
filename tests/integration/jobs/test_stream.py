"""Events of a run as server-sent events: live, complete, and from any number on."""

from datetime import UTC, datetime

from tests.integration.jobs.conftest import ServiceFactory


def test_events_are_streamed_from_any_number_on(services: ServiceFactory) -> None:
    service = services().start()
    run_id = service.run_of(service.create_project())["id"]

    lags, live = [], []
    for event in service.events(run_id):
        live.append(event)
        if event["kind"] in ("phase.started", "services.observed"):
            lags.append((datetime.now(UTC) - datetime.fromisoformat(event["at"])).total_seconds())
    print(f"lag from Ansible to the reader: median {sorted(lags)[len(lags) // 2] * 1000:.0f} ms, of {len(lags)}")
    assert [event["number"] for event in live] == list(range(1, len(live) + 1))
    assert (live[0]["kind"], live[-1]["kind"]) == ("run.started", "run.ended")
    assert {"phase.started", "task.changed", "services.observed", "checks.reported"} <= {e["kind"] for e in live}

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
