"""Readers of a run's events that drop their connection and come back at random."""

import asyncio
import contextlib
import json
import random
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

_LONGEST_CONNECTION, _LONGEST_PAUSE = 3.0, 0.5
_LOOK_SECONDS = 0.05


@dataclass
class Reading:
    """What one reader was told."""

    events: list[dict[str, Any]] = field(default_factory=list)
    #: Milliseconds from an event to its arrival, of events that happened while the reader was connected.
    lags: list[float] = field(default_factory=list)
    connections: int = 0
    #: Streams that the service ended before the last event.
    cut_streams: int = 0

    @property
    def last(self) -> int:
        return self.events[-1]["number"] if self.events else 0

    @property
    def is_complete(self) -> bool:
        return bool(self.events) and self.events[-1]["kind"] == "run.ended"


async def read_at_random(url: str, token: str, run_id: str, readers: int) -> tuple[list[Reading], bool]:
    """Everybody's reading, and whether the run's last event was there as soon as the run was reported finished."""
    limits = httpx.Limits(max_connections=None)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=60) as client:
        readings = [_read(client, run_id, random.Random(seed)) for seed in range(readers)]  # noqa: S311 - no secret
        *done, was_there = await asyncio.gather(*readings, _end_is_whole(client, run_id))
    return [reading for reading in done if isinstance(reading, Reading)], bool(was_there)


async def _read(client: httpx.AsyncClient, run_id: str, chance: random.Random) -> Reading:
    reading = Reading()
    while not reading.is_complete:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(chance.uniform(0, _LONGEST_CONNECTION)):
                await _connect(client, run_id, reading)
                reading.cut_streams += not reading.is_complete
        await asyncio.sleep(chance.uniform(0, _LONGEST_PAUSE))
    return reading


async def _connect(client: httpx.AsyncClient, run_id: str, reading: Reading) -> None:
    headers = {"Last-Event-ID": str(reading.last)}
    async with client.stream("GET", f"/fleet/runs/{run_id}/events", headers=headers) as stream:
        stream.raise_for_status()
        reading.connections += 1
        connected_at = time.time()
        async for line in stream.aiter_lines():
            if not line.startswith("data: "):
                continue
            event = json.loads(line.removeprefix("data: "))
            happened_at = datetime.fromisoformat(event["at"]).timestamp()
            if happened_at > connected_at:
                reading.lags.append((time.time() - happened_at) * 1000)
            reading.events.append(event)


async def _end_is_whole(client: httpx.AsyncClient, run_id: str) -> bool:
    while not (await client.get(f"/fleet/runs/{run_id}")).json()["ended_at"]:
        await asyncio.sleep(_LOOK_SECONDS)
    events = await client.get(f"/fleet/runs/{run_id}/events")
    return "\nevent: run.ended\n" in events.text


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
