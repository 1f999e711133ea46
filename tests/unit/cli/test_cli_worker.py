"""`supafleet worker`: what it refuses, and the unit it writes."""

import subprocess
import sys
from pathlib import Path

import pytest
from fleet_double import Command

from supafleet.cli import worker as worker_module
from supafleet.cli.systemd import WORKER_UNIT, install_unit

_NEEDS_POSTGRESQL = (
    "error: the worker did not start: database_url: must be a postgresql:// address for a worker of its own; "
    "on SQLite the worker is part of `supafleet serve`\n"
)


@pytest.mark.parametrize("options", [[], ["--install"]])
def test_on_sqlite_a_worker_is_refused(cli: Command, options: list[str]) -> None:
    answer = cli("worker", "--data-dir", "data", *options)
    assert (answer.code, answer.out, answer.err) == (1, "", _NEEDS_POSTGRESQL)
    assert not Path("data").exists()


def test_a_bad_setting_is_named(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPAFLEET_WORKER_SLOTS", "0")
    answer = cli("worker")
    assert answer.code == 2
    assert answer.err.startswith("error: SUPAFLEET_WORKER_SLOTS: ")


def test_a_database_that_does_not_answer_is_a_sentence_without_its_address(
    bare_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPAFLEET_DATABASE_URL", "postgresql://worker:hunter2@/name?host=/nowhere")
    command = [sys.executable, "-m", "supafleet.cli", "worker", "--data-dir", "data"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    sentence = "database_url: the database does not answer (OperationalError)"
    assert ended.stderr.endswith(f"error: the worker did not start: {sentence}\n")
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr


def test_install_writes_the_workers_own_unit_without_the_password(
    cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPAFLEET_DATABASE_URL", "postgresql://worker:hunter2@db/name")
    monkeypatch.setattr(
        worker_module,
        "install_unit",
        lambda command, unit: install_unit(command, unit=unit, directory=tmp_path, booted_mark=tmp_path, reload=False),
    )
    answer = cli("worker", "--install", "--data-dir", "data")
    path = tmp_path / WORKER_UNIT.name
    assert answer.out.startswith(f"wrote {path}. ")
    assert "Not taken along from this shell: SUPAFLEET_DATABASE_URL. " in answer.err
    assert "hunter2" not in answer.err
    assert f"systemctl enable --now {WORKER_UNIT.name}" in answer.out
    text = path.read_text()
    assert f"ExecStart={sys.executable} -m supafleet.cli worker --data-dir {Path('data').absolute()}\n" in text
    assert "EnvironmentFile=-/etc/supafleet/service.env\n" in text
    assert "KillMode=control-group\n" in text
    assert "hunter2" not in text
