"""How late readers are told of events: many readers of one run, who drop their connection and come back."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.figures import Figure, Results
from benchmarks.readers import percentile, read_at_random
from benchmarks.service import running_service

_GROUP = "events"
READERS = 50
LAG_BOUND_MS = 500.0


def measure_events(folder: Path, rounds: int, say: Callable[[str], None], results: Results) -> None:
    """One scripted run for each round; the engine is not touched."""
    medians, late, most = [], [], []
    with running_service(folder, lambda port: [sys.executable, "-m", "benchmarks.scripted", "serve", port]) as service:
        for number in range(1, rounds + 1):
            ref = service.request(f"Events {number}")
            run_id = service.get(f"/fleet/projects/{ref}")["run"]["id"]
            readings, _ = asyncio.run(read_at_random(service.url, service.token, run_id, READERS))
            lags = [lag for reading in readings for lag in reading.lags]
            medians.append(percentile(lags, 0.5))
            late.append(percentile(lags, 0.99))
            most.append(max(lags))
            connections = sum(reading.connections for reading in readings)
            say(
                f"events {number}/{rounds}: 99th percentile {late[-1]:.0f} ms of {len(lags)}, {connections} connections"
            )
            service.remove(ref)
    results.figures += [
        Figure(_GROUP, f"lag to {READERS} readers, median", "ms", medians),
        Figure(_GROUP, f"lag to {READERS} readers, 99th percentile", "ms", late, LAG_BOUND_MS),
        Figure(_GROUP, f"lag to {READERS} readers, the longest", "ms", most),
    ]
