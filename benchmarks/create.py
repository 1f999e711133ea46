"""A project through the API against the same project by Compose alone, in turns."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from benchmarks.figures import Figure, Results, Timeline, differences, ratios
from benchmarks.service import Service
from benchmarks.twin import Twin

_GROUP = "create"
RATIO_BOUND, RATIO_AIM = 1.5, 1.2
COMPOSE_BOUND = 15.0
ON_TOP_BOUND, ON_TOP_AIM = 10.0, 5.0


def measure_create(service: Service, twin: Twin, rounds: int, say: Callable[[str], None], results: Results) -> None:
    """Ours, theirs, ours, theirs: what disturbs the machine for a minute disturbs both."""
    ours: list[float] = []
    theirs: list[float] = []
    timeline = Timeline("Where the time goes: POST to ACTIVE_HEALTHY")
    for number in range(1, rounds + 1):
        ours.append(_create(service, number, timeline))
        say(f"create {number}/{rounds}: ours {ours[-1]:.2f} s")
        theirs.append(twin.measure())
        say(f"create {number}/{rounds}: compose up --wait {theirs[-1]:.2f} s")
    results.figures += [
        Figure(_GROUP, "POST to ACTIVE_HEALTHY", "s", ours),
        Figure(_GROUP, "docker compose up -d --wait", "s", theirs, COMPOSE_BOUND),
        Figure(_GROUP, "ratio", "x", ratios(ours, theirs), RATIO_BOUND, RATIO_AIM),
        Figure(_GROUP, "our time on top", "s", differences(ours, theirs), ON_TOP_BOUND, ON_TOP_AIM),
    ]
    results.timelines.append(timeline)


def _create(service: Service, number: int, timeline: Timeline) -> float:
    """Seconds from the request until the client is told ACTIVE_HEALTHY."""
    asked_at, began = time.time(), time.monotonic()
    ref = service.request(f"Benchmark {number}")
    try:
        answered_at = time.time()
        run_id = service.get(f"/fleet/projects/{ref}")["run"]["id"]
        service.follow(run_id)
        project = service.get(f"/fleet/projects/{ref}")
        seconds, told_at = time.monotonic() - began, time.time()
        if project["status"] != "ACTIVE_HEALTHY":
            raise RuntimeError(f"the project is {project['status']}: {project['status_reason']}")
        for step, spent in _steps(service.get(f"/fleet/runs/{run_id}"), asked_at, answered_at, told_at):
            timeline.add(step, spent)
    finally:
        service.remove(ref)
    return seconds


def _steps(run: dict[str, Any], asked_at: float, answered_at: float, told_at: float) -> list[tuple[str, float]]:
    """The run's time cut at the moments where one step ends and the next begins."""
    moments = [("request: until it is answered", asked_at), ("queue: until run.started", answered_at)]
    moments.append(("ansible: until the first phase", _seconds(run["started_at"])))
    moments += [(phase["name"], _seconds(phase["started_at"])) for phase in run["phases"]]
    # The last phase ends with its last event; what follows is the end of the playbook and of its process.
    moments.append(("end: until run.ended", _seconds(run["phases"][-1]["ended_at"])))
    moments.append(("told: until the client knows", _seconds(run["ended_at"])))
    ends = [at for _, at in moments[1:]] + [told_at]
    return [(step, max(0.0, end - at)) for (step, at), end in zip(moments, ends, strict=True)]


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
