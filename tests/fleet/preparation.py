"""A bare machine prepared by host_prepare, and what the runs printed."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fleet.docker_host_container import DockerHostContainer, docker_host_container

BROKEN_PYTHON = "#!/bin/sh\necho 'this Python is broken' >&2\nexit 1\n"


@dataclass(frozen=True)
class Preparation:
    """A host that was bare, and what the runs of host_prepare on it printed."""

    host: DockerHostContainer
    predicted: subprocess.CompletedProcess[str]
    first: subprocess.CompletedProcess[str]
    second: subprocess.CompletedProcess[str]


@contextmanager
def prepared(folder: Path, suite: str, broken_path: str) -> Iterator[Preparation]:
    """Prepare a bare host from a machine, and on a host, whose first Python in PATH is broken."""
    with docker_host_container(folder, suite) as host:
        for name in ("python", "python3"):
            host.exec("install", "--mode=0755", "/dev/stdin", f"/usr/local/bin/{name}", stdin=BROKEN_PYTHON)
        environment = {"PATH": f"{broken_path}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        began = time.monotonic()
        predicted = host.playbook("host_prepare", "--check", environment=environment)
        checked = time.monotonic()
        assert host.exec("sh", "-c", "command -v docker || command -v perl", check=False).stdout == "/usr/bin/perl\n"
        first = host.playbook("host_prepare", environment=environment)
        done = time.monotonic()
        second = host.playbook("host_prepare", environment=environment)
        again = time.monotonic() - done
        print(f"{suite}: check {checked - began:.1f} s, prepare {done - checked:.1f} s, again {again:.1f} s")
        yield Preparation(host, predicted, first, second)
