"""`supafleet up`: what it does in which order, over the doubles of the machine and of the fleet."""

import stat
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from fleet_double import REF, TOKEN, Command, FleetDouble
from machine_double import Machine

from supafleet.cli import up
from supafleet.cli.local_service import code_version
from supafleet.settings import Settings


def test_up_prepares_starts_creates_and_writes_the_credentials(
    machine: Machine, fleet: FleetDouble, cli: Command
) -> None:
    answer = cli("up")
    assert answer.code == 0, answer.err
    assert machine.steps == ["host_prepare", "start 127.0.0.1:8600", "sandbox_images"]
    assert fleet.bodies[0]["flavour"] == "sandbox"
    path = Path(".supafleet/credentials.env")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_text().splitlines()[1:] == [
        f"SUPAFLEET_API_URL={fleet.url}",
        f"SUPAFLEET_ACCESS_TOKEN={TOKEN}",
        f"PROJECT_REF={REF}",
        "PROJECT_URL=http://127.0.0.1:24321",
        "ANON_KEY=anon-jwt",
        "SERVICE_ROLE_KEY=service-jwt",
        "STUDIO_USERNAME=supabase",
        "STUDIO_PASSWORD=studio-password",
    ]
    assert "  changed    1.2s  Install the engine" in answer.out
    assert "create the project demo " in answer.out
    assert "watch 3.0s · whole run 6.0s" in answer.out
    assert "service_role key  service-jwt" in answer.out
    assert fleet.bodies[0]["db_pass"] not in answer.out + answer.err


def test_up_creates_when_the_service_has_seen_what_others_have_on_the_machine(
    machine: Machine, fleet: FleetDouble, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.hosts["local"] = {"observed_at": None}
    waits: list[int] = []

    def look(_seconds: float) -> None:
        waits.append(len(fleet.bodies))
        fleet.hosts.clear()

    monkeypatch.setattr(up.time, "sleep", look)
    assert cli("up").code == 0
    assert waits == [0]
    assert len(fleet.bodies) == 1


def test_up_again_changes_nothing_and_prints_the_same(machine: Machine, fleet: FleetDouble, cli: Command) -> None:
    first = cli("up").out
    machine.steps.clear()
    answer = cli("up")
    assert answer.code == 0
    assert machine.steps == []
    assert len(fleet.bodies) == 1
    assert first.endswith(answer.out)
    assert answer.out.strip().startswith("project")


def test_up_on_another_port_than_the_running_service_has_is_refused(
    machine: Machine, fleet: FleetDouble, cli: Command, bare_environment: Path
) -> None:
    assert cli("up", "--port", "8700").code == 0
    assert machine.steps[1] == "start 127.0.0.1:8700"
    machine.steps.clear()
    folder = bare_environment / ".supafleet"
    answer = cli("up", "--port", "8701")
    assert answer.code == 5
    assert answer.err == (
        f"error: --port 8701: the service of {folder} runs on port {machine.record.port}. "
        f"Stop it first with: supafleet down --data-dir {folder}\n"
    )
    assert cli("up", "--port", str(machine.record.port)).code == 0
    assert machine.steps == []


@pytest.mark.parametrize("version", ["0.0.9", ""], ids=["older", "not recorded"])
def test_up_restarts_a_service_of_another_version_on_its_port(machine: Machine, cli: Command, version: str) -> None:
    cli("up")
    machine.steps.clear()
    machine.record = replace(machine.record, version=version)
    answer = cli("up")
    assert answer.code == 0, answer.err
    assert machine.steps == ["stop", f"start 127.0.0.1:{machine.record.port}", "sandbox_images"]
    assert answer.out.splitlines()[:2] == [
        f"the running service is of version {version or 'unknown'}, this is {code_version()}",
        "restart the service",
    ]
    machine.steps.clear()
    assert cli("up").code == 0
    assert machine.steps == []


@pytest.mark.parametrize("is_running", [False, True], ids=["stopped", "of another version"])
def test_up_does_not_start_on_an_empty_database_in_the_place_of_one_elsewhere(
    machine: Machine, cli: Command, monkeypatch: pytest.MonkeyPatch, is_running: bool
) -> None:
    machine.has_database_elsewhere = True
    cli("up")
    machine.steps.clear()
    machine.is_running, machine.record = is_running, replace(machine.record, version="0.0.9")
    answer = cli("up")
    assert answer.code == 2
    assert answer.err.startswith("error: SUPAFLEET_DATABASE_URL is not set, and ")
    assert machine.steps == []
    monkeypatch.setenv("SUPAFLEET_DATABASE_URL", "postgresql://db/name")
    assert cli("up").code == 0


def test_the_official_flavour_builds_no_images(machine: Machine, fleet: FleetDouble, cli: Command) -> None:
    assert cli("up", "--flavour", "supabase").code == 0
    assert "sandbox_images" not in machine.steps
    assert fleet.bodies[0]["flavour"] == "supabase"


def test_a_failed_create_shows_the_runs_error_and_up_again_says_how_to_begin_anew(
    machine: Machine, fleet: FleetDouble, cli: Command
) -> None:
    fleet.run = {"status": "failed", "explanation": "cannot pull kong:3.9\nno route"}
    answer = cli("up", "--flavour", "supabase")
    assert answer.code == 1
    assert answer.err == "error: cannot pull kong:3.9\nno route\n"
    fleet.projects[REF] |= {"status": "INIT_FAILED", "status_reason": "cannot pull kong:3.9"}
    again = cli("up")
    assert again.code == 1
    hint = f"Once the cause is mended, bring it up with: supafleet project restart {REF} --wait"
    assert f"is INIT_FAILED: cannot pull kong:3.9. {hint}" in again.err


@pytest.mark.parametrize("status", ["INIT_FAILED", "RESTORE_FAILED"])
def test_the_way_out_of_a_failure_is_a_restart(machine: Machine, fleet: FleetDouble, cli: Command, status: str) -> None:
    fleet.add_project(status=status)
    assert f"is {status}. Once the cause is mended, bring it up with: supafleet project restart {REF}" in cli("up").err


def test_after_a_start_of_the_machine_up_waits_until_the_project_is_seen_to_be_well(
    machine: Machine, fleet: FleetDouble, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.add_project(status="UNKNOWN")
    looks = iter(["ACTIVE_UNHEALTHY", "COMING_UP", "ACTIVE_HEALTHY"])
    monkeypatch.setattr(up.time, "sleep", lambda _: fleet.projects[REF].update(status=next(looks)))
    answer = cli("up")
    assert answer.code == 0, answer.err
    assert "wait for the project demo" in answer.out
    assert "is ACTIVE_HEALTHY" in answer.out


def test_waiting_takes_no_more_requests_than_a_token_has(
    machine: Machine, fleet: FleetDouble, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.add_project(status="UNKNOWN")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if sum(slept) >= 60:
            fleet.projects[REF].update(status="ACTIVE_HEALTHY")

    monkeypatch.setattr(up, "time", SimpleNamespace(sleep=sleep, monotonic=lambda: sum(slept)))
    assert cli("up").code == 0
    assert len(slept) > 1
    assert len(fleet.requests) < 0.75 * Settings.model_fields["rate_limit_per_token"].default


def test_creating_and_watching_takes_a_handful_of_requests(machine: Machine, fleet: FleetDouble, cli: Command) -> None:
    assert cli("up").code == 0
    assert 3 < len(fleet.requests) < 15


def test_a_paused_project_is_left_alone_and_the_way_back_is_named(
    machine: Machine, fleet: FleetDouble, cli: Command
) -> None:
    fleet.add_project(status="INACTIVE")
    answer = cli("up")
    assert answer.code == 1
    assert f"is INACTIVE. Bring it up again with: supafleet project resume {REF} --wait" in answer.err


def test_up_takes_an_unfinished_create_up(machine: Machine, fleet: FleetDouble, cli: Command) -> None:
    fleet.add_project(run=fleet.run_record() | {"status": "running"})
    answer = cli("up")
    assert answer.code == 0, answer.err
    assert "db: starting -> healthy" in answer.out
    assert fleet.bodies == []


def test_another_flavour_than_asked_for_is_a_conflict(machine: Machine, fleet: FleetDouble, cli: Command) -> None:
    fleet.add_project()
    answer = cli("up", "--flavour", "supabase")
    assert answer.code == 5
    assert "has the flavour sandbox, not supabase" in answer.err


def test_up_with_json_is_one_document(machine: Machine, fleet: FleetDouble, cli: Command) -> None:
    document = cli("up", "--json").document
    assert document["project"]["ref"] == REF
    assert document["run"]["phases"][0]["seconds"] == 3.0
    assert document["seconds"].keys() == {
        "prepare this machine",
        "build the sandbox images",
        "start the service",
        "create the project demo",
    }


def test_two_ups_at_once_are_refused(machine: Machine, cli: Command, bare_environment: Path) -> None:
    folder = bare_environment / ".supafleet"
    folder.mkdir()
    with up.exclusive(folder):
        answer = cli("up")
    assert answer.code == 5
    assert "another `supafleet up` or `down` works on" in answer.err
