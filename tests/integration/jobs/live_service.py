"""A service process as a test sees it: start, ask, kill, start again."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil

from supafleet.runner import processes
from supafleet.runner.launcher import LOOK_PREFIX

_ROOT = Path(__file__).resolve().parents[3]
FAST = {
    "SUPAFLEET_WORKER_BEAT_SECONDS": "0.5",
    "SUPAFLEET_WORKER_LEASE_SECONDS": "3",
    "SUPAFLEET_RUN_GRACE_SECONDS": "1",
    "SUPAFLEET_WORKER_DEAD_SECONDS": "10",
}


class ServiceProcess:
    """One worker with its API; several may share a PostgreSQL database and a data directory's keys."""

    command: tuple[str, ...] = ("tests.integration.jobs.service_process",)

    def __init__(self, data_dir: Path, database_url: str, memory: Path, owner: str, **environment: str) -> None:
        self.owner = owner
        self.memory = memory
        self._data_dir = data_dir
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SUPAFLEET_")},
            "SUPAFLEET_DATA_DIR": str(data_dir),
            "SUPAFLEET_DATABASE_URL": database_url,
            "SUPAFLEET_RUN_DIR": str(memory),
            # A test looks more often than a program that behaves.
            "SUPAFLEET_RATE_LIMIT_PER_TOKEN": "0",
            "SUPAFLEET_RATE_LIMIT_PER_ADDRESS": "0",
            **FAST,
            **environment,
        }
        self._log = data_dir.parent / f"{owner}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return self._log.read_text()

    def start(self) -> "ServiceProcess":
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._process = self._spawn(*self.command, str(port), self.owner)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self.log
            try:
                if self.client.get("/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        token = (self._data_dir / "owner-token").read_text().strip()
        self.client.headers["Authorization"] = f"Bearer {token}"
        return self

    def _spawn(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", *words]
        with self._log.open("ab") as log:
            return subprocess.Popen(command, cwd=_ROOT, env=self._environment, stdout=log, stderr=log)

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(timeout=30)

    def create_project(self, name: str = "Acme") -> str:
        organization = self.client.get("/v1/organizations").json()[0]["slug"]
        body = {"name": name, "organization_slug": organization, "db_pass": "correctHorse7battery"}
        answer = self.client.post("/v1/projects", json=body)
        assert answer.status_code == 201, answer.text
        ref: str = answer.json()["ref"]
        return ref

    def run_of(self, ref: str) -> dict[str, Any]:
        run: dict[str, Any] = self.client.get("/fleet/runs", params={"project": ref}).json()[0]
        return run

    def status_of(self, ref: str) -> str:
        status: str = self.client.get(f"/fleet/projects/{ref}").json()["status"]
        return status

    def wait_for(self, run_id: str, *statuses: str, seconds: float = 40) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        run: dict[str, Any] = {}
        while time.monotonic() < deadline:
            run = self.client.get(f"/fleet/runs/{run_id}").json()
            if run["status"] in statuses:
                return run
            time.sleep(0.1)
        raise AssertionError(f"the run is still {run}\n{self.log[-3000:]}")

    def wait_until_it_runs(self, run_id: str, attempt: int = 1) -> None:
        """Wait for the first task of an attempt's playbook."""
        has_begun = False
        for event in self.events(run_id):
            has_begun |= event["kind"] == "run.started" and event["detail"]["attempt"] == attempt
            if has_begun and event["phase"] == "start":
                return
        raise AssertionError(f"the run ended before attempt {attempt} came to its first task\n{self.log[-3000:]}")

    def assert_ended_well(self, ref: str, run_id: str, attempt: int) -> None:
        """The run succeeded in this attempt, its events are whole, and nothing of it is left on the machine."""
        run = self.wait_for(run_id, "succeeded", "failed", "canceled")
        assert (run["status"], run["attempt"], run["explanation"]) == ("succeeded", attempt, None)
        assert self.status_of(ref) == "ACTIVE_HEALTHY"
        events = list(self.events(run_id))
        assert [event["number"] for event in events] == list(range(1, len(events) + 1))
        assert [event["kind"] for event in events].count("run.ended") == 1
        assert events[-1]["kind"] == "run.ended"
        assert [event["detail"]["attempt"] for event in events if event["kind"] == "run.started"][-1] == attempt
        deadline = time.monotonic() + 10
        while (self.marked() or self.private_folders()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert self.marked() == []
        assert self.private_folders() == []

    def events(self, run_id: str, **headers: str) -> Iterator[dict[str, Any]]:
        with self.client.stream("GET", f"/fleet/runs/{run_id}/events", headers=headers) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))

    def marked(self) -> list[int]:
        """Processes of this worker's runs; a look at a host comes and goes at any time and does not count."""
        return [
            pid
            for pid in processes.marked_processes(processes.OWNER_MARKER, self.owner)
            if not _run_of_process(pid).startswith(LOOK_PREFIX)
        ]

    def private_folders(self) -> list[Path]:
        """Folders of this worker's runs, without those of looks."""
        return [
            folder
            for folder in self.memory.glob("supafleet-run-*")
            if not _run_of_folder(folder).startswith(LOOK_PREFIX)
        ]


def _run_of_process(pid: int) -> str:
    try:
        return psutil.Process(pid).environ().get(processes.RUN_MARKER, "")
    except psutil.Error:
        return LOOK_PREFIX  # it ended while we looked


def _run_of_folder(folder: Path) -> str:
    try:
        run_id: str = json.loads((folder / "owner.json").read_text())["run_id"]
        return run_id
    except (FileNotFoundError, ValueError):
        return LOOK_PREFIX  # it comes or goes while we look: without its marker it holds nothing
