import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet_double import TOKEN, Answer, Command, FleetDouble, Stage
from machine_double import engine, machine

from supafleet.cli.main import invoke

__all__ = ["engine", "machine"]


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    stage = Stage()
    with stage.running():
        yield stage


@pytest.fixture
def fleet(stage: Stage) -> Iterator[FleetDouble]:
    with stage.shows(FleetDouble()) as double:
        yield double


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in [name for name in os.environ if name.startswith("SUPAFLEET_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cli(bare_environment: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: str) -> Answer:
        code = invoke(arguments)
        out, err = capsys.readouterr()
        return Answer(code, out, err)

    return call


@pytest.fixture
def logged_in(fleet: FleetDouble, bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> FleetDouble:
    monkeypatch.setenv("SUPAFLEET_API_URL", fleet.url)
    monkeypatch.setenv("SUPAFLEET_ACCESS_TOKEN", TOKEN)
    return fleet
