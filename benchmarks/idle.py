"""What a service costs that has nothing to do."""

import time

import psutil

from benchmarks.figures import Figure, Results

_GROUP = "idle"
MEMORY_BOUND_MB = 200.0
_SETTLE_SECONDS = 5.0
_SAMPLES = 5
_MEGABYTE = 1024 * 1024


def measure_idle(pid: int, when: str, results: Results) -> None:
    """Resident memory and processor time of a process and all its descendants, once it has come to rest."""
    time.sleep(_SETTLE_SECONDS)
    memory, processor = [], []
    before = _processor_seconds(pid)
    for _ in range(_SAMPLES):
        time.sleep(1)
        memory.append(sum(each.memory_info().rss for each in _tree(pid)) / _MEGABYTE)
        now = _processor_seconds(pid)
        processor.append((now - before) * 100)
        before = now
    results.figures += [
        Figure(_GROUP, f"memory of the service, {when}", "MB", memory, MEMORY_BOUND_MB),
        Figure(_GROUP, f"processor of the service, {when}", "% of a core", processor),
    ]


def _tree(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _processor_seconds(pid: int) -> float:
    return sum(each.cpu_times().user + each.cpu_times().system for each in _tree(pid))
