"""Names, ports and subnets that belong to the benchmarks, and the removal of whatever carries them."""

import contextlib
import fcntl
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from benchmarks.commands import docker

INSTALLATION = "benchmark"
SERVICE_PORTS = (56000, 56049)
SERVICE_POOL = "10.224.0.0/16"
TWIN_REF, TWIN_PORT, TWIN_SUBNET = "benchmark-twin", 56060, "10.225.1.0/24"
CONVERGE_REF, CONVERGE_PORT, CONVERGE_SUBNET = "benchmark-converge", 56061, "10.225.2.0/24"
PROJECT_ROOTS = Path("/var/lib/supafleet/projects")

_LABEL = f"label=supafleet.installation={INSTALLATION}"


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One benchmark at a time on a machine: two would measure each other."""
    with (Path(tempfile.gettempdir()) / "supafleet-benchmark.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("error: another benchmark runs on this machine") from None
        yield


def sweep() -> list[str]:
    """Remove every object of the benchmarks from the engine; the names of what there was."""
    removed, refs = [], {TWIN_REF, CONVERGE_REF}
    for kind, removal in (
        ("container", ["rm", "--force", "--volumes"]),
        ("network", ["rm"]),
        ("volume", ["rm", "--force"]),
    ):
        name = "{{.Names}}" if kind == "container" else "{{.Name}}"
        every = ["--all"] if kind == "container" else []
        shape = f'{name} {{{{.Label "supafleet.project"}}}}'
        found = [
            line.split() for line in docker(kind, "ls", *every, "--format", shape, "--filter", _LABEL).splitlines()
        ]
        if found:
            docker(kind, *removal, *(words[0] for words in found), may_fail=True)
            removed += [words[0] for words in found]
            refs |= {words[1] for words in found}
    for ref in refs:
        shutil.rmtree(PROJECT_ROOTS / ref, ignore_errors=True)
    return removed


def interruptible() -> None:
    """SIGTERM ends the benchmark as Ctrl-C does: with everything removed."""
    signal.signal(signal.SIGTERM, _interrupt)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """A cleanup that a second Ctrl-C does not cut off."""
    before = {each: signal.signal(each, _ask_for_patience) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ask_for_patience(_number: int, _frame: FrameType | None) -> None:
    print("removing what the benchmark made; please wait", file=sys.stderr)
