"""`supafleet up` beside a service, an engine and images that are there: what is kept, and what is done again."""

import socket
from dataclasses import replace

import pytest
from fleet_double import Command, FleetDouble
from machine_double import Machine


def test_up_restarts_a_service_that_was_started_with_other_settings_and_keeps_what_this_shell_does_not_set(
    machine: Machine, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPAFLEET_REGISTRY_PREFIX", "old.example.com/")
    monkeypatch.setenv("SUPAFLEET_MASTER_KEY", "hunter2")
    cli("up")
    machine.steps.clear()
    monkeypatch.setenv("SUPAFLEET_REGISTRY_PREFIX", "new.example.com/")
    monkeypatch.setenv("SUPAFLEET_WORKER_SLOTS", "3")
    monkeypatch.delenv("SUPAFLEET_MASTER_KEY")
    monkeypatch.setenv("SUPAFLEET_ACCESS_TOKEN", "of a client, no setting of the service")
    answer = cli("up")
    assert answer.code == 0, answer.err
    assert machine.steps[:2] == ["stop", f"start 127.0.0.1:{machine.record.port}"]
    assert answer.out.splitlines()[0] == (
        "the running service was started with other settings: SUPAFLEET_REGISTRY_PREFIX, SUPAFLEET_WORKER_SLOTS"
    )
    assert "example.com" not in answer.out + answer.err
    kept = {"SUPAFLEET_MASTER_KEY": "hunter2", "SUPAFLEET_WORKER_SLOTS": "3"}
    assert kept.items() <= machine.variables.items()
    assert machine.variables["SUPAFLEET_REGISTRY_PREFIX"] == "new.example.com/"
    monkeypatch.delenv("SUPAFLEET_WORKER_SLOTS")
    machine.steps.clear()
    assert cli("up").code == 0
    assert machine.steps == []
    machine.record = replace(machine.record, version="0.0.9")
    assert cli("up").code == 0
    assert kept.items() <= machine.variables.items()


def test_a_restart_with_the_database_elsewhere_needs_no_word_of_this_shell(
    machine: Machine, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has_database_elsewhere = True
    monkeypatch.setenv("SUPAFLEET_DATABASE_URL", "postgresql://db/name")
    cli("up")
    monkeypatch.delenv("SUPAFLEET_DATABASE_URL")
    machine.record = replace(machine.record, version="0.0.9")
    answer = cli("up")
    assert answer.code == 0, answer.err
    assert machine.variables["SUPAFLEET_DATABASE_URL"] == "postgresql://db/name"


def test_a_service_that_refuses_the_settings_of_this_shell_runs_again_with_those_it_had(
    machine: Machine, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPAFLEET_INSTALLATION", "berlin")
    cli("up")
    machine.refused = "paris"
    monkeypatch.setenv("SUPAFLEET_INSTALLATION", "paris")
    answer = cli("up")
    assert answer.code == 1
    assert "it is started again with the settings that it had" in answer.out
    assert (machine.is_running, machine.variables["SUPAFLEET_INSTALLATION"]) == (True, "berlin")


def test_a_start_builds_the_images_again_when_there_is_a_sandbox_project(
    machine: Machine, fleet: FleetDouble, cli: Command
) -> None:
    fleet.add_project(flavour="supabase")
    assert cli("up").code == 0
    assert "sandbox_images" not in machine.steps
    fleet.add_project(ref="b" * 20, name="other")
    cli("down")
    assert cli("up").code == 0
    assert machine.steps[-1] == "sandbox_images"
    machine.steps.clear()
    assert cli("up").code == 0
    assert machine.steps == []


def test_the_sandbox_images_are_made_from_the_mirror_that_is_named(machine: Machine, cli: Command) -> None:
    assert cli("up", "--sandbox-mirror", "http://mirror.example.com/debian").code == 0
    assert machine.steps[-1] == (
        'sandbox_images --extra-vars {"sandbox_images_mirror": "http://mirror.example.com/debian"}'
    )


@pytest.mark.parametrize("mirror", ["mirror.example.com", "ftp://host/debian", "http://me:pw@host/", "http://h/ x=1"])
def test_what_is_no_mirror_is_refused_before_anything_is_done(machine: Machine, cli: Command, mirror: str) -> None:
    answer = cli("up", "--sandbox-mirror", mirror)
    assert answer.code == 2
    assert "must be http://host/path or https://host/path, without a password or a query" in answer.err
    assert machine.steps == []


def test_the_flavour_of_the_first_start_is_that_of_projects_that_ask_for_none(
    machine: Machine, fleet: FleetDouble, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("up", "--flavour", "supabase").code == 0
    assert machine.variables["SUPAFLEET_DEFAULT_FLAVOUR"] == "supabase"
    assert "sandbox_images" not in machine.steps
    cli("down", "--purge", "--yes")
    monkeypatch.setenv("SUPAFLEET_DEFAULT_FLAVOUR", "sandbox")
    cli("up", "--flavour", "supabase")
    assert machine.variables["SUPAFLEET_DEFAULT_FLAVOUR"] == "sandbox"


def test_an_engine_that_does_not_answer_is_started_before_it_is_needed(
    machine: Machine, fleet: FleetDouble, cli: Command, engine: socket.socket
) -> None:
    cli("up")
    machine.steps.clear()
    engine.close()  # its file stays, as that of an engine that was killed
    assert cli("up").code == 0
    assert machine.steps == ["host_prepare"]
    cli("down")
    machine.steps.clear()
    assert cli("down", "--purge", "--yes").code == 0
    assert machine.steps[0] == "host_prepare"
    assert fleet.projects == {}


def test_an_engine_that_is_not_on_this_machine_is_nobodys_to_start(
    machine: Machine, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("up")
    machine.steps.clear()
    monkeypatch.setenv("DOCKER_HOST", "tcp://engine.example.com:2376")
    assert cli("up").code == 0
    assert machine.steps == []
