"""`supafleet down`: what it stops, and what a purge deletes in which order."""

import io
from pathlib import Path

import pytest
from fleet_double import REF, Command, FleetDouble
from machine_double import Machine


def test_down_stops_and_keeps_the_projects(machine: Machine, fleet: FleetDouble, cli: Command) -> None:
    cli("up")
    machine.steps.clear()
    answer = cli("down")
    assert (answer.code, answer.out) == (0, "stopped the service\n")
    assert machine.steps == ["stop"]
    assert REF in fleet.projects
    assert Path(".supafleet/control.sqlite").exists()
    assert cli("down").out == "no service was running\n"


def test_purge_deletes_the_projects_first_then_the_data(machine: Machine, fleet: FleetDouble, cli: Command) -> None:
    cli("up")
    cli("down")
    machine.steps.clear()
    fleet.delete_refusals = [(409, "the project is busy: creating the project since 12:00")]
    answer = cli("down", "--purge", "--yes")
    assert answer.code == 0, answer.err
    assert machine.steps[0].startswith("start 127.0.0.1:")
    assert machine.steps[-1] == "stop"
    assert fleet.projects == {}
    assert f"removed project demo ({REF})" in answer.out
    assert "waiting: the project is busy" in answer.out
    assert not Path(".supafleet").exists()
    assert cli("down", "--purge", "--yes").code == 0


def test_a_purge_that_cannot_delete_keeps_everything(machine: Machine, fleet: FleetDouble, cli: Command) -> None:
    cli("up")
    fleet.run = {"status": "failed", "explanation": "removal of the network failed"}
    answer = cli("down", "--purge", "--yes")
    assert answer.code == 1
    assert "removal of the network failed" in answer.err
    assert Path(".supafleet/control.sqlite").exists()
    assert machine.is_running


def test_a_purge_deletes_the_projects_of_a_database_elsewhere_too(
    machine: Machine, fleet: FleetDouble, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has_database_elsewhere = True
    cli("up")
    cli("down")
    answer = cli("down", "--purge", "--yes")
    assert answer.code == 2
    assert "SUPAFLEET_DATABASE_URL is not set" in answer.err
    assert REF in fleet.projects
    assert Path(".supafleet/owner-token").exists()
    monkeypatch.setenv("SUPAFLEET_DATABASE_URL", "postgresql://db/name")
    answer = cli("down", "--purge", "--yes")
    assert answer.code == 0, answer.err
    assert fleet.projects == {}
    assert f"removed project demo ({REF})" in answer.out
    assert "The database that SUPAFLEET_DATABASE_URL names is left" in answer.err
    assert not Path(".supafleet").exists()


def test_a_purge_is_refused_while_others_have_projects(
    machine: Machine, fleet: FleetDouble, cli: Command, bare_environment: Path
) -> None:
    cli("up")
    fleet.unseen_projects = {"local": 1, "eu1": 2, "eu2": 0}
    answer = cli("down", "--purge", "--yes")
    assert answer.code == 5
    assert answer.err == (
        "error: 3 projects belong to organizations that the owner is no member of, on the Docker hosts: "
        f"local (1), eu1 (2). {bare_environment / '.supafleet'} stays: delete these projects as a member of their "
        f"organization, or have their owners do it, then purge again. The service runs at {fleet.url}\n"
    )
    assert REF in fleet.projects
    assert machine.is_running
    assert Path(".supafleet/owner-token").exists()
    fleet.unseen_projects = {"local": 0}
    assert cli("down", "--purge", "--yes").code == 0
    assert fleet.projects == {}


def test_a_purge_says_what_it_does_before_it_is_confirmed(
    machine: Machine, fleet: FleetDouble, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    cli("up")
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    answer = cli("down", "--purge")
    assert answer.code == 2
    assert "then that folder with all in it, the master key too. It cannot be undone." in answer.err
    assert "refused while there are projects of organizations that the owner is no member of" in answer.err
    assert REF in fleet.projects
    monkeypatch.setattr("sys.stdin", Terminal("purge\n"))
    assert cli("down", "--purge").code == 0
    assert fleet.projects == {}


def test_a_purge_asks_and_never_removes_a_foreign_folder(machine: Machine, cli: Command) -> None:
    cli("up")
    assert cli("down", "--purge").code == 2
    Path("dear").mkdir()
    Path("dear/letter").touch()
    assert "holds no service" in cli("down", "--purge", "--yes", "--data-dir", "dear").out
    assert Path("dear/letter").exists()
