"""The double of this machine, for the commands that bring a service up and down."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fleet_double import TOKEN, FleetDouble

from supafleet.cli import up
from supafleet.cli.exits import CommandError
from supafleet.cli.local_service import LocalService, ServiceRecord, code_version
from supafleet.cli.playbooks import TaskLine


class Machine:
    """This machine as `up` sees it: which playbooks ran, whether the service runs."""

    def __init__(self, fleet: FleetDouble) -> None:
        self.record = ServiceRecord(os.getpid(), 0, "", fleet.url, code_version())
        self.is_running = False
        self.has_database_elsewhere = False
        #: Settings that the running service was started with.
        self.variables: dict[str, str] = {}
        #: A setting that no service starts with.
        self.refused: str | None = None
        self.steps: list[str] = []

    def run_playbook(self, name: str, _log_path: Path, options: Sequence[str] = ()) -> Iterator[TaskLine]:
        self.steps.append(" ".join((name, *options)))
        yield TaskLine("changed", 1.25, "Install the engine")

    def start(self, service: LocalService, host: str, port: int, variables: Mapping[str, str]) -> ServiceRecord:
        self.steps.append(f"start {host}:{port}")
        names = {name for name in os.environ if name.startswith("SUPAFLEET_")}
        self.variables = {name: os.environ[name] for name in names} | dict(variables)
        if self.refused in self.variables.values():
            raise CommandError("the service ended with exit code 1")
        self.is_running = True
        (service.data_dir / "owner-token").write_text(TOKEN)
        if not self.has_database_elsewhere:
            (service.data_dir / "control.sqlite").touch()
        ticks = self.record.started_at_ticks + 1
        self.record = replace(self.record, version=code_version(), started_at_ticks=ticks)
        return self.record

    def running(self, _service: LocalService) -> ServiceRecord | None:
        return self.record if self.is_running else None

    def stop(self, _service: LocalService) -> bool:
        was_running, self.is_running = self.is_running, False
        self.steps.append("stop")
        return was_running


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket of the machine's Docker engine, in a folder with a short path."""
    folder = tempfile.mkdtemp(prefix="sf-")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/docker.sock")
        listener.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/docker.sock")
        yield listener
    shutil.rmtree(folder)


@pytest.fixture
def machine(fleet: FleetDouble, engine: socket.socket, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(fleet)
    monkeypatch.setattr(up, "run_playbook", machine.run_playbook)
    monkeypatch.setattr(up, "process_variables", lambda _pid: dict(machine.variables))
    monkeypatch.setattr(LocalService, "start", lambda service, *words: machine.start(service, *words))
    monkeypatch.setattr(LocalService, "running", lambda service: machine.running(service))
    monkeypatch.setattr(LocalService, "stop", lambda service: machine.stop(service))
    return machine
