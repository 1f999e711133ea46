"""The real secrets of a project are nowhere but where they belong."""

import base64
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e import docker_eyes
from tests.e2e.direct_run import DirectRun, changed_count
from tests.e2e.live_service import LiveService

pytestmark = pytest.mark.docker

SHORTEST = 12


def forms(value: str) -> set[str]:
    """A secret as it could be written: raw, base64, URL-encoded."""
    return {value, base64.b64encode(value.encode()).decode(), urllib.parse.quote(value, safe="")}


def needles(secrets: dict[str, str]) -> dict[str, str]:
    return {form: name for name, value in secrets.items() if len(value) >= SHORTEST for form in forms(value)}


def assert_absent(where: str, text: str, wanted: dict[str, str]) -> None:
    for form, name in wanted.items():
        assert form not in text, f"{name} appears in {where}"


class ArgvWatch(threading.Thread):
    """Collects every command line of this machine while a run goes on."""

    #: What is younger is read at every look, the rest this often: to read all every time would take a core.
    YOUNG_SECONDS = 1.0

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self.ended = threading.Event()
        self._first_seen: dict[str, float] = {}
        self._all_read = 0.0

    def run(self) -> None:
        while not self.ended.is_set():
            now = time.monotonic()
            pids = [name for name in os.listdir("/proc") if name.isdigit()]
            self._first_seen = {pid: self._first_seen.get(pid, now) for pid in pids}
            is_all_due = now - self._all_read > self.YOUNG_SECONDS
            self._all_read = now if is_all_due else self._all_read
            for pid, first_seen in self._first_seen.items():
                if is_all_due or now - first_seen <= self.YOUNG_SECONDS:
                    # Most of the young are gone before anybody can look.
                    with contextlib.suppress(OSError):
                        words = Path("/proc", pid, "cmdline").read_bytes().decode(errors="replace")
                        self.seen.add(words.replace("\0", " "))
            time.sleep(0.02)

    def command_lines(self, playbook: str) -> str:
        """All that was seen, which says nothing unless a run of this playbook is in it."""
        self.ended.set()
        self.join()
        assert any("ansible-playbook" in words and playbook in words for words in self.seen), "the watch saw the run"
        return "\n".join(self.seen)


@pytest.fixture
def argv() -> Iterator[ArgvWatch]:
    watch = ArgvWatch()
    watch.start()
    yield watch
    watch.ended.set()


def environment_secrets(ref: str) -> dict[str, str]:
    """What the containers were given under names that speak of secrets."""
    words = ("PASSWORD", "SECRET", "KEY", "TOKEN", "URI", "_URL")
    found = {}
    for service, one in docker_eyes.containers(ref).items():
        for pair in one["Config"]["Env"]:
            name, value = pair.split("=", 1)
            if any(word in name for word in words) and "://" not in value and len(value) >= SHORTEST:
                found[f"{service}.{name}"] = value
    return found


def service_texts(service: LiveService, ref: str) -> dict[str, str]:
    """Everything that the service says or keeps of a project."""
    texts = {"log": service.log.read_text(errors="replace")}
    with service.client() as api:
        for path in ("/v1/projects", f"/v1/projects/{ref}", f"/fleet/projects/{ref}", f"/fleet/runs?project={ref}"):
            texts[path] = api.get(path).text
        for run in service.runs(ref):
            texts[f"events of {run['kind']}"] = api.get(f"/fleet/runs/{run['id']}/events", timeout=60).text
    database = sqlite3.connect(f"file:{service.data_dir / 'control.sqlite'}?mode=ro", uri=True)
    texts["database"] = "\n".join(database.iterdump())
    database.close()
    return texts


def runs_with_private_folders() -> set[str]:
    """Ids of everything that has a folder now; a look at a host has one as well while it lasts."""
    owners = set()
    for file in Path("/dev/shm").glob("supafleet-run-*/owner.json"):
        with contextlib.suppress(FileNotFoundError):  # it goes while we look
            owners.add(json.loads(file.read_text())["run_id"])
    return owners


def folder_texts(ref: str) -> dict[str, str]:
    """Files of the host that must hold no secret."""
    root = Path("/var/lib/supafleet/projects") / ref
    open_files = [root / "compose.yml", root / "vector" / "vector.yml", *(root / "db").glob("*.sql")]
    return {str(path): path.read_text() for path in open_files}


def test_a_success_and_a_failure_leak_nothing(service: LiveService, argv: ArgvWatch) -> None:
    password = "sentinelPassword4711"
    good = service.create("No leak", db_pass=password)
    mail_password = "sentinelMailPass0815"
    broken = {"API_EXTERNAL_URL": "", "GOTRUE_SMTP_PASS": mail_password}
    bad = service.create("No leak either", db_pass=password, settings={"environment": {"auth": broken}})
    try:
        project = service.wait(good, "ACTIVE_HEALTHY", "INIT_FAILED")
        assert project["status"] == "ACTIVE_HEALTHY", project["status_reason"]
        service.wait(bad, "INIT_FAILED", "ACTIVE_HEALTHY")
        argv.ended.set()
        for ref in (good, bad):
            wanted = needles({"db_pass": password, "smtp_pass": mail_password, **environment_secrets(ref)})
            assert len(wanted) > 10, "the test knows the secrets it looks for"
            for where, text in {**service_texts(service, ref), **folder_texts(ref)}.items():
                assert_absent(where, text, wanted)
            assert_absent("a command line", argv.command_lines("project_create.yml"), wanted)
        ended = {run["id"] for ref in (good, bad) for run in service.runs(ref)}
        assert ended.isdisjoint(runs_with_private_folders()), "the private folders of ended runs are gone"
    finally:
        service.delete(good, bad)


def test_modes_keep_others_out(service: LiveService, projects: tuple) -> None:  # type: ignore[type-arg]
    root = projects[0].root
    assert root.stat().st_mode & 0o777 == 0o700
    environment_files = list((root / "env").iterdir())
    assert environment_files, "there is something to look at"
    for path in environment_files:
        assert path.stat().st_mode & 0o777 == 0o600
    assert (service.data_dir / "master.key").stat().st_mode & 0o777 == 0o600
    assert (service.data_dir / "owner-token").stat().st_mode & 0o777 == 0o600


def test_a_verbose_direct_run_leaks_nothing_and_a_vault_keeps_its_secrets(
    direct_run: DirectRun, argv: ArgvWatch, tmp_path: Path
) -> None:
    ref = "verbose"
    password = tmp_path / "vault-password"
    password.write_text("open sesame\n")
    vault = ["--vault-password-file", str(password)]
    direct_run.project(ref, 7)
    output = direct_run.play("project_create", "-vvv", "--diff", *vault, limit=ref)
    argv.ended.set()
    kept = direct_run.folder / "host_vars" / ref / "secrets.yml"
    assert kept.read_text().startswith("$ANSIBLE_VAULT;")

    program = Path(sys.executable).with_name("ansible-vault")
    words = [str(program), "view", *vault, str(kept)]
    opened = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    again = direct_run.play("project_create", *vault, limit=ref)
    kept.write_text(opened)  # so that the removal afterwards needs no password
    assert changed_count(again, ref) == 0

    secrets = yaml.safe_load(opened)["supafleet_project_secrets"]
    wanted = needles({name: value for name, value in secrets.items() if value != "supabase"})
    assert len(wanted) > 20
    assert_absent("the output", output, wanted)
    assert_absent("a command line", argv.command_lines("project_create.yml"), wanted)
    for where, text in folder_texts(ref).items():
        assert_absent(where, text, wanted)
