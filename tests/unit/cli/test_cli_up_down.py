"""`supafleet up` and `down`: what they do in which order, over the double; the playbook runner over real Ansible."""

import io
import os
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from fleet_double import REF, TOKEN, Command, FleetDouble

from supafleet.cli import playbooks, up
from supafleet.cli.exits import CommandError
from supafleet.cli.local_service import LocalService, ServiceRecord, code_version
from supafleet.cli.playbooks import TaskLine, run_playbook
from supafleet.settings import Settings


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


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "inventories" / "local").mkdir(parents=True)
    (tmp_path / "inventories" / "local" / "hosts.yml").write_text(
        "docker_hosts:\n  hosts:\n    here:\n      ansible_connection: local\n"
        "      ansible_python_interpreter: '{{ ansible_playbook_python }}'\n"
    )
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    (tmp_path / "playbooks").mkdir()
    monkeypatch.setattr(playbooks, "content_root", lambda: tmp_path)
    return tmp_path


def play(content: Path, tasks: str) -> None:
    head = "- name: Try\n  hosts: docker_hosts\n  gather_facts: false\n  tasks:\n"
    (content / "playbooks" / "try.yml").write_text(head + tasks)


def test_a_playbook_is_a_line_per_task(content: Path) -> None:
    play(
        content,
        "    - name: Sleep a little\n      ansible.builtin.command: sleep 0.5\n"
        "    - name: Do not\n      ansible.builtin.command: 'false'\n      when: false\n"
        "    - name: Say\n      ansible.builtin.debug:\n        msg: hello\n",
    )
    lines = list(run_playbook("try", content / "log" / "try.log"))
    assert [(line.outcome, line.name) for line in lines] == [("changed", "Sleep a little"), ("ok", "Say")]
    assert lines[0].seconds >= 0.5
    assert stat.S_IMODE((content / "log" / "try.log").stat().st_mode) == 0o600


def test_options_reach_the_playbook(content: Path) -> None:
    play(
        content,
        "    - name: \"Say {{ word | default('nothing') }}\"\n      ansible.builtin.debug:\n        msg: hello\n",
    )
    (line,) = run_playbook("try", content / "try.log", ["--extra-vars", '{"word": "this"}'])
    assert line.name == "Say this"


def test_a_failed_playbook_names_task_reason_and_log(content: Path) -> None:
    play(
        content,
        "    - name: Be tolerated\n      ansible.builtin.command: sh -c 'exit 1'\n      failed_when: false\n"
        "    - name: Break\n      ansible.builtin.fail:\n        msg: |-\n          the disk is full\n"
        "          of sand\n",
    )
    with pytest.raises(CommandError) as raised:
        list(run_playbook("try", content / "try.log"))
    assert raised.value.message == (
        f"the playbook try failed at 'Break': the disk is full (log: {content / 'try.log'})"
    )
    assert raised.value.lines == ("of sand",)


def test_a_playbook_that_is_not_there_shows_ansibles_words(content: Path) -> None:
    with pytest.raises(CommandError) as raised:
        list(run_playbook("missing", content / "missing.log"))
    assert "the playbook missing could not run" in raised.value.message
    assert any("missing.yml" in line for line in raised.value.lines)


def test_without_a_checkout_the_sentence_says_so(content: Path) -> None:
    subprocess.run(["rm", "-r", str(content / "inventories")], check=True)
    with pytest.raises(CommandError, match="works in a checkout"):
        list(run_playbook("try", content / "try.log"))
