"""Many readers of one run, who lose their connection at random: each ends with the whole story in order."""

import asyncio

from benchmarks.readers import percentile, read_at_random
from benchmarks.scripted import EVENTS
from tests.integration.jobs.conftest import ServiceFactory
from tests.integration.jobs.live_service import ServiceProcess
from tests.integration.jobs.live_worker import WorkerProcess

_READERS = 50


class ScriptedService(ServiceProcess):
    """A service whose runs are scripts of many events."""

    command = ("benchmarks.scripted", "serve")


class ScriptedWorker(WorkerProcess):
    """A worker with the same scripts."""

    command = ("benchmarks.scripted", "work")


def test_readers_that_drop_and_return_end_with_the_same_events(services: ServiceFactory, database_url: str) -> None:
    is_one_process = database_url.startswith("sqlite")
    service = services("api", ScriptedService, SUPAFLEET_EMBEDDED_WORKER=str(is_one_process)).start()
    if not is_one_process:
        services("worker", ScriptedWorker).start()
    run_id = service.run_of(service.create_project())["id"]

    token = service.client.headers["Authorization"].removeprefix("Bearer ")
    readings, was_whole = asyncio.run(read_at_random(str(service.client.base_url), token, run_id, _READERS))

    lags = [lag for reading in readings for lag in reading.lags]
    told = ", ".join(f"{share:.0%} {percentile(lags, share):.0f} ms" for share in (0.5, 0.9, 0.99, 1.0))
    connections = sum(reading.connections for reading in readings)
    print(f"lag of {len(lags)} events over {connections} connections: {told}")
    assert connections > _READERS, "nobody came back"
    assert was_whole, "the run was reported finished before its last event could be read"
    assert sum(reading.cut_streams for reading in readings) == 0
    whole = list(service.events(run_id))
    assert len(whole) > EVENTS
    assert [event["number"] for event in whole] == list(range(1, len(whole) + 1))
    assert (whole[0]["kind"], whole[-1]["kind"]) == ("run.started", "run.ended")
    assert len(readings) == _READERS
    for reading in readings:
        assert reading.events == whole
