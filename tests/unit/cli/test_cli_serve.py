"""`supafleet serve`, and the service that `supafleet up` keeps: real processes on free ports."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from child_process import started
from fleet_double import Command

from supafleet import __version__
from supafleet.cli import local_service, serve
from supafleet.cli.client import FleetClient, is_ready
from supafleet.cli.credentials import Connection, find_connection, read_credentials, write_credentials
from supafleet.cli.exits import CommandError
from supafleet.cli.local_service import LocalService, code_version
from supafleet.cli.systemd import install_unit, left_behind, unit_text
from supafleet.cli.variables import process_variables


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def service(bare_environment: Path) -> Iterator[LocalService]:
    folder = bare_environment / ".supafleet"
    folder.mkdir()
    service = LocalService(folder)
    yield service
    service.stop()


def test_the_service_starts_detached_answers_and_stops(
    service: LocalService, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPAFLEET_WORKER_SLOTS", "1")
    monkeypatch.setenv("SUPAFLEET_LISTEN_HOST", "127.0.0.2")
    monkeypatch.setenv("SUPAFLEET_LOG_LEVEL", "error")
    record = service.start("127.0.0.1", free_port, {"SUPAFLEET_LOG_LEVEL": "warning"})
    assert process_variables(record.pid) == {"SUPAFLEET_WORKER_SLOTS": "1", "SUPAFLEET_LOG_LEVEL": "warning"}
    assert service.running() == record
    assert os.getsid(record.pid) == record.pid
    client = FleetClient(Connection(record.api_url, service.owner_token()))
    assert client.projects() == []
    client.close()
    assert stat.S_IMODE(service.log_file.stat().st_mode) == 0o600
    written = json.loads(service.pid_file.read_text())
    assert written.pop("version") == code_version()
    assert record.version.startswith(f"{__version__}+")
    service.pid_file.write_text(json.dumps(written))  # as it was written before it told a version
    known = service.running()
    assert known is not None
    assert (known.pid, known.version) == (record.pid, "")
    assert service.stop() is True
    assert service.running() is None
    assert not service.pid_file.exists()
    assert service.stop() is False


def test_other_stand_ins_are_another_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = code_version()
    copy = tmp_path / "roles" / "sandbox_images" / "files"
    copy.mkdir(parents=True)
    (copy / "main.js").write_text("changed")
    monkeypatch.setattr(local_service, "content_root", lambda: tmp_path)
    assert code_version() != before
    assert code_version().rpartition(".")[0] == before.rpartition(".")[0]


def test_a_recorded_pid_that_now_is_another_process_is_left_alone(service: LocalService) -> None:
    with started(["sleep", "60"]) as stranger:
        service.pid_file.write_text(
            f'{{"pid": {stranger.pid}, "started_at_ticks": 1, "boot_id": "x", "api_url": "http://127.0.0.1:1"}}'
        )
        assert service.running() is None
        assert service.stop() is False
        assert stranger.poll() is None


def test_a_service_that_cannot_start_says_why(
    service: LocalService, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPAFLEET_DEFAULT_SIZE", "giant")
    with pytest.raises(CommandError) as raised:
        service.start("127.0.0.1", free_port, {})
    assert raised.value.message == f"the service ended with exit code 1 (log: {service.log_file})"
    assert raised.value.lines[-1].startswith("error: the service did not start: default_size: must be")
    assert "Traceback" not in "\n".join(raised.value.lines)
    assert service.running() is None


def test_a_taken_port_is_named(cli: Command) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        answer = cli("serve", "--port", str(port), "--data-dir", "data")
    assert answer.code == 1
    assert answer.err == f"error: cannot listen on 127.0.0.1 port {port}: Address already in use\n"
    assert not Path("data").exists()


def test_a_bad_setting_is_named(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPAFLEET_MASTER_KEY", "changeme")
    answer = cli("serve")
    assert answer.code == 2
    assert answer.err.startswith("error: SUPAFLEET_MASTER_KEY: is a placeholder")
    assert "changeme" not in answer.err


def test_serve_ends_on_sigterm(bare_environment: Path, free_port: int) -> None:
    command = [sys.executable, "-m", "supafleet.cli", "serve", "--port", str(free_port), "--data-dir", "data"]
    with started(command, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 90
        while not is_ready(f"http://127.0.0.1:{free_port}"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def test_without_systemd_install_refuses_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="does not run systemd"):
        install_unit(["supafleet"], directory=tmp_path, booted_mark=tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_the_unit_kills_the_whole_group_and_restarts(tmp_path: Path) -> None:
    path = install_unit(["/opt/x y/python", "100%", "$HOME"], directory=tmp_path, booted_mark=tmp_path, reload=False)
    text = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert "KillMode=control-group\n" in text
    assert "Restart=always\n" in text
    assert 'ExecStart="/opt/x y/python" 100%% $$HOME\n' in text
    assert unit_text(["supafleet", "serve"]).count("ExecStart=supafleet serve\n") == 1


def test_install_says_which_settings_of_this_shell_the_unit_does_not_have(
    cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        serve,
        "install_unit",
        lambda command, unit: install_unit(command, unit=unit, directory=tmp_path, booted_mark=tmp_path, reload=False),
    )
    monkeypatch.setenv("SUPAFLEET_REGISTRY_PREFIX", "mirror.example.com/")
    monkeypatch.setenv("SUPAFLEET_LISTEN_PORT", "8700")
    answer = cli("serve", "--install", "--data-dir", "data")
    assert answer.code == 0, answer.err
    assert (
        "Not taken along from this shell: SUPAFLEET_REGISTRY_PREFIX. Put what the unit is to have into " in answer.err
    )
    assert "mirror.example.com" not in answer.out + answer.err
    assert "--port 8700 --data-dir" in (tmp_path / "supafleet.service").read_text()


def test_what_the_file_of_a_unit_sets_is_taken_along(tmp_path: Path) -> None:
    file = tmp_path / "service.env"
    assert left_behind(["SUPAFLEET_A", "SUPAFLEET_B"], file) is not None
    file.write_text("# SUPAFLEET_B=1\nSUPAFLEET_A='x'\n")
    note = left_behind(["SUPAFLEET_A", "SUPAFLEET_B"], file)
    assert note is not None
    assert note.startswith("Not taken along from this shell: SUPAFLEET_B. ")
    assert left_behind(["SUPAFLEET_A"], file) is None


def test_credentials_are_private_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / ".supafleet" / "credentials.env"
    path.parent.mkdir()
    path.write_text("old")
    path.chmod(0o644)
    values = {"SUPAFLEET_API_URL": "http://127.0.0.1:1", "SUPAFLEET_ACCESS_TOKEN": "sbp_x", "ANON_KEY": "a.b-c_d="}
    write_credentials(path, values)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_credentials(path) == values
    assert find_connection({}, tmp_path / "below") == Connection("http://127.0.0.1:1", "sbp_x")
    assert [found.name for found in path.parent.iterdir()] == ["credentials.env"]
    assert "sbp_x" not in repr(find_connection({}, tmp_path))
