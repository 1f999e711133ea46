"""What a test run that was killed left on this machine, and its removal before another one begins.

A killed run takes no fixture down: its services go on, its projects keep their ports and subnets, its Docker hosts
their memory. All of it is known by name: an installation of tests begins with `test-`, and no other does.
"""

import contextlib
import fcntl
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.e2e import docker_eyes
from tests.e2e.direct_run import DirectRun
from tests.e2e.live_service import TEST_INSTALLATION
from tests.fleet.docker_host_container import LABEL, NAME, remove_host

END_SECONDS = 10
#: More than the lock of a project lives without its run.
LAPSE_SECONDS = 120


@contextlib.contextmanager
def swept_once() -> Iterator[None]:
    """Remove what earlier runs left, unless another run of tests is at work now, whose things these may be."""
    with (Path(tempfile.gettempdir()) / "supafleet-tests.lock").open("a") as lock:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            sweep()
        yield


def sweep() -> None:
    """End the services, then remove the projects and the Docker hosts of test runs."""
    _end_services()
    _remove_projects()
    for host in docker_eyes.docker("ps", "-a", "--filter", f"label={LABEL}", "--format", "{{.Names}}").split():
        # A host that somebody made by hand, with Molecule for instance, has a name of its own.
        if host.startswith(f"{NAME}-"):
            remove_host(host)


def _end_services() -> None:
    ended = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("SUPAFLEET_INSTALLATION", "").startswith(TEST_INSTALLATION):
                process.kill()
                ended.append(process)
    psutil.wait_procs(ended, timeout=END_SECONDS)


def _remove_projects() -> None:
    """Delete with the playbook what the host's record names: a lease is taken first and let go last."""
    with tempfile.TemporaryDirectory(prefix="supafleet-tests-") as folder:
        for owner, lease in docker_eyes.leases().items():
            installation, ref = owner.split("/")
            if installation.startswith(TEST_INSTALLATION):
                await_lapse(ref)
                run = DirectRun(Path(folder) / installation / ref, installation)
                run.project(ref, 0, gateway_port=lease["port"], subnet=lease["subnet"])
                run.delete_all()


def await_lapse(ref: str) -> None:
    """A run that was killed a moment ago left its lock, which no other run gets before it lapses."""
    lock, deadline = docker_eyes.RECORDS / "locks" / f"{ref}.json", time.monotonic() + LAPSE_SECONDS
    while lock.exists() and json.loads(lock.read_text())["expires_at"] > time.time() and time.monotonic() < deadline:
        time.sleep(0.5)
