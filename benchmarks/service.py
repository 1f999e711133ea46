"""A service of the benchmark's own, in its own process and data folder."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

from benchmarks.commands import program
from benchmarks.namespace import INSTALLATION, SERVICE_POOL, SERVICE_PORTS, undisturbed

_START_SECONDS = 60
# A run that was cut off leaves its lock, which lapses by itself.
_REMOVAL_SECONDS = 240


#: The words that start a service on a port.
Command = Callable[[str], list[str]]


def _serve(_port: str) -> list[str]:
    return [program("supafleet"), "serve"]


class Service:
    """`supafleet serve` or another command that serves, and a client of it."""

    def __init__(self, folder: Path, command: Command, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._command = command
        self._settings = settings
        self.url = ""
        self.token = ""
        self._log = folder / "service.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.api = httpx.Client()

    def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SUPAFLEET_")} | {
            "SUPAFLEET_DATA_DIR": str(self._folder),
            "SUPAFLEET_LISTEN_PORT": str(port),
            "SUPAFLEET_INSTALLATION": INSTALLATION,
            # More is asked than a client may.
            "SUPAFLEET_RATE_LIMIT_PER_TOKEN": "0",
            "SUPAFLEET_RATE_LIMIT_PER_ADDRESS": "0",
            "SUPAFLEET_DEFAULT_FLAVOUR": "sandbox",
            "SUPAFLEET_LOCAL_PORT_FIRST": str(SERVICE_PORTS[0]),
            "SUPAFLEET_LOCAL_PORT_LAST": str(SERVICE_PORTS[1]),
            "SUPAFLEET_LOCAL_SUBNET_POOL": SERVICE_POOL,
            **self._settings,
        }
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command(str(port)),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not is_ready(self.url):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the service did not start:\n{self._log.read_text()[-4000:]}")
            time.sleep(0.1)
        self.token = (self._folder / "owner-token").read_text().strip()
        self.api = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=60)

    def stop(self) -> None:
        """Remove every project, then end the process."""
        if self.process is None:
            return
        try:
            if self.process.poll() is None:
                for project in self.api.get("/v1/projects").json():
                    self.remove(project["ref"])
        finally:
            self.api.close()
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=60)
            self.process.kill()

    def request(self, name: str) -> str:
        """Ask for a project; its ref."""
        body = {
            "name": name,
            "organization_slug": self.api.get("/v1/organizations").json()[0]["slug"],
            "db_pass": "correctHorse7battery",
            "region": "local",
        }
        answer = self.api.post("/v1/projects", json=body)
        answer.raise_for_status()
        return str(answer.json()["ref"])

    def follow(self, run_id: str) -> None:
        """Return when the run has ended, as its stream of events says."""
        with self.api.stream("GET", f"/fleet/runs/{run_id}/events", timeout=300) as stream:
            stream.raise_for_status()
            for line in stream.iter_lines():
                if line == "event: run.ended":
                    return

    def get(self, path: str) -> dict[str, Any]:
        answer = self.api.get(path)
        answer.raise_for_status()
        return dict(answer.json())

    def remove(self, ref: str) -> None:
        """Delete a project, whatever is being done with it, and wait until it is gone."""
        deadline = time.monotonic() + _REMOVAL_SECONDS
        while time.monotonic() < deadline:
            run = self.get(f"/fleet/projects/{ref}")["run"]
            if run and run["ended_at"] is None and run["kind"] == "project_create":
                self.api.post(f"/fleet/runs/{run['id']}/cancel")
                self.follow(run["id"])
            self.api.delete(f"/v1/projects/{ref}")
            runs = self.api.get("/fleet/runs", params={"project": ref}).json()
            if runs:
                self.follow(runs[0]["id"])
            if self.api.get(f"/v1/projects/{ref}").status_code == 404:
                return
            time.sleep(5)
        raise RuntimeError(f"project {ref} could not be deleted in {_REMOVAL_SECONDS} s")


@contextlib.contextmanager
def running_service(
    folder: Path, command: Command = _serve, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Service]:
    """A service that is ready; its projects and itself are gone afterwards."""
    folder.mkdir(mode=0o700)
    service = Service(folder, command, settings)
    try:
        service.start()
        yield service
    finally:
        with undisturbed():
            service.stop()


def is_ready(url: str) -> bool:
    """Whether it says that it can work."""
    try:
        return httpx.get(f"{url}/readyz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False
