"""Logs of real containers: read, followed, masked, and nothing left when the reader goes."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from supafleet.runner import processes
from tests.e2e import docker_eyes
from tests.e2e.direct_run import DirectRun
from tests.e2e.live_service import LiveService
from tests.e2e.running.conftest import LiveProject

pytestmark = pytest.mark.docker

PATIENCE_SECONDS = 40
CURSORS = docker_eyes.RECORDS / "cursors"


def say(ref: str, script: str, service: str = "auth") -> None:
    """Have a container print something, as its main program would."""
    docker_eyes.docker("exec", f"{ref}-{service}", "sh", "-c", f"{{ {script}; }} > /proc/1/fd/1")


def read(live: LiveService, ref: str, **query: Any) -> list[dict[str, str]]:
    with live.client() as api:
        answer = api.get(f"/fleet/projects/{ref}/logs", params=query, timeout=120)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.split("\n") if line]


@contextlib.contextmanager
def following(live: LiveService, ref: str, **query: Any) -> Iterator[list[dict[str, str]]]:
    """Lines as they come while the block lasts; then the client leaves."""
    heard: list[dict[str, str]] = []
    begun = threading.Event()
    with (
        live.client() as api,
        api.stream(
            "GET", f"/fleet/projects/{ref}/logs", params={"follow": "true", **query}, timeout=PATIENCE_SECONDS
        ) as answer,
    ):
        assert answer.status_code == 200, answer.read()

        def listen() -> None:
            rest = b""
            begun.set()
            with contextlib.suppress(httpx.HTTPError, httpx.StreamError):
                for chunk in answer.iter_raw():
                    *lines, rest = (rest + chunk).split(b"\n")
                    heard.extend(json.loads(line) for line in lines if line)

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        begun.wait()
        yield heard


def wait_for(heard: list[dict[str, str]], text: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not any(text in line.get("text", "") for line in heard):
        assert time.monotonic() < until, f"{text} never came: {heard}"
        time.sleep(0.1)


def reading_processes() -> list[str]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(processes.RUN_MARKER, "").startswith("logs-"):
                found.append(" ".join(process.cmdline()))
    return found


def left_of_readings() -> list[str]:
    """Processes, private folders and cursor files."""
    folders = []
    for folder in Path("/dev/shm").glob("supafleet-run-*"):
        with contextlib.suppress(OSError):
            if json.loads((folder / "owner.json").read_text())["run_id"].startswith("logs-"):
                folders.append(str(folder))
    return [*reading_processes(), *folders, *(str(path) for path in CURSORS.glob("*"))]


def wait_until_nothing_is_left() -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while left := left_of_readings():
        assert time.monotonic() < until, left
        time.sleep(0.2)


def test_the_newest_lines_of_named_services_come_in_order(
    service: LiveService, projects: tuple[LiveProject, LiveProject]
) -> None:
    ref, other = (project.ref for project in projects)
    mark = secrets.token_hex(8)
    say(ref, f"echo {mark} 1; echo {mark} 2; echo {mark} 3")
    say(other, f"echo {mark} of another project")
    told = read(service, ref, service="auth,kong", tail=50)
    assert [line["text"] for line in told if mark in line["text"]] == [f"{mark} {number}" for number in (1, 2, 3)]
    assert {line["service"] for line in told} <= {"auth", "kong"}
    assert len(told) <= 50
    assert [line["at"] for line in told] == sorted(line["at"] for line in told)
    assert len(read(service, ref)) > 10
    assert read(service, ref, since="2099-01-01T00:00:00Z") == []


def test_many_lines_take_many_answers_and_all_come_once(
    service: LiveService, projects: tuple[LiveProject, LiveProject]
) -> None:
    ref, mark = projects[0].ref, secrets.token_hex(4)
    say(ref, f"for i in $(seq 1 1500); do echo {mark} $i; done")
    told = [line["text"] for line in read(service, ref, service="auth", since="5m", tail=5000) if mark in line["text"]]
    assert told == [f"{mark} {number}" for number in range(1, 1501)]
    wait_until_nothing_is_left()


def test_following_shows_what_happens_later_and_leaves_nothing(
    service: LiveService, projects: tuple[LiveProject, LiveProject]
) -> None:
    project = projects[0]
    path = f"/auth/v1/later-{secrets.token_hex(6)}"
    with following(service, project.ref, service="kong", tail=0) as heard:
        assert list(CURSORS.glob("*")) != []
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in CURSORS.glob("*"))
        assert reading_processes() != []
        httpx.get(f"{project.url}{path}", headers={"apikey": project.anon_key})
        wait_for(heard, path)
        marks = [secrets.token_hex(6) for _ in range(3)]
        for mark in marks:
            say_kong(project, mark)
            wait_for(heard, mark)
        texts = [line["text"] for line in heard]
        assert all(sum(mark in text for text in texts) == 1 for mark in marks)
        kept = "".join(path.read_text() for path in CURSORS.glob("*"))
        assert not any(mark in kept for mark in marks)
    wait_until_nothing_is_left()
    assert path not in service.log.read_text()
    kinds = {run["kind"] for run in service.runs(project.ref)}
    assert not any("logs" in kind for kind in kinds)
    assert path.encode() not in (service.data_dir / "control.sqlite").read_bytes()


def say_kong(project: LiveProject, mark: str) -> None:
    httpx.get(f"{project.url}/auth/v1/{mark}", headers={"apikey": project.anon_key})


def test_following_goes_on_in_a_container_made_anew(
    service: LiveService, projects: tuple[LiveProject, LiveProject]
) -> None:
    ref = projects[1].ref
    folder = projects[1].root
    with following(service, ref, service="imgproxy", tail=0) as heard:
        subprocess.run(
            ["docker", "compose", "up", "-d", "--no-deps", "--force-recreate", "imgproxy"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=120,
        )
        mark = secrets.token_hex(6)
        say(ref, f"echo {mark}", service="imgproxy")
        wait_for(heard, mark)
        assert {line.get("service") for line in heard} == {"imgproxy"}
    wait_until_nothing_is_left()


def test_the_projects_own_secrets_are_masked(service: LiveService, projects: tuple[LiveProject, LiveProject]) -> None:
    project, mark = projects[0], secrets.token_hex(6)
    say(project.ref, f'echo "{mark} $GOTRUE_JWT_SECRET"; printf "{mark} %s" "$GOTRUE_JWT_SECRET" | base64 -w0; echo')
    secret = next(
        pair.partition("=")[2]
        for pair in docker_eyes.containers(project.ref)["auth"]["Config"]["Env"]
        if pair.startswith("GOTRUE_JWT_SECRET=")
    )
    raw = docker_eyes.docker("logs", "--tail", "20", f"{project.ref}-auth")
    assert f"{mark} {secret}" in raw, "the container did print it"
    told = read(service, project.ref, service="auth", tail=20)
    assert [line["text"] for line in told if mark in line["text"]] == [f"{mark} ********"]
    assert secret not in json.dumps(told)
    assert sum("********" in line["text"] for line in told) >= 2, "the encoded one is masked, too"


def test_a_person_reads_with_the_command_line(
    service: LiveService, projects: tuple[LiveProject, LiveProject], tmp_path: Path
) -> None:
    project, mark = projects[0], secrets.token_hex(6)
    say(project.ref, f"echo {mark}")
    program = Path(sys.executable).with_name("supafleet")
    environment = {**os.environ, "SUPAFLEET_API_URL": service.url, "SUPAFLEET_ACCESS_TOKEN": service.token}
    command = [str(program), "project", "logs", project.ref, "auth", "--since", "2m"]
    answer = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert f"auth | {mark}\n" in answer.stdout


def test_a_person_reads_with_the_playbook(direct_run: DirectRun) -> None:
    direct_run.project("nolog", 77)
    output = direct_run.play("project_logs", limit="nolog", expect_failure=True)
    assert "project nolog has no started container on this host" in output
    assert not (direct_run.folder / "host_vars").exists(), "reading makes no secrets"
