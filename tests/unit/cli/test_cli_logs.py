"""`supafleet project logs`: lines for people, for pipes and for programs, and how it ends."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from child_process import started
from fleet_double import REF, TOKEN, Command, FleetDouble

from supafleet.cli.logs import printable


def line(service: str, text: str) -> dict[str, Any]:
    return {"service": service, "at": "2026-11-22T12:00:00.000000000Z", "text": text}


@pytest.fixture
def project(logged_in: FleetDouble) -> FleetDouble:
    logged_in.add_project()
    logged_in.log_lines = [line("auth", "one"), line("functions", "two\u2028 | é")]
    return logged_in


def test_a_pipe_gets_service_and_text(project: FleetDouble, cli: Command) -> None:
    answer = cli("project", "logs", REF)
    assert (answer.code, answer.out, answer.err) == (0, "auth | one\nfunctions | two\u2028 | é\n", "")
    assert project.log_queries == [""]


def test_json_is_a_document_a_line_as_it_came(project: FleetDouble, cli: Command) -> None:
    answer = cli("project", "logs", REF, "--json")
    assert [json.loads(document) for document in answer.out.split("\n") if document] == project.log_lines


def test_options_become_the_query(project: FleetDouble, cli: Command) -> None:
    assert cli("project", "logs", REF, "auth", "db", "--tail", "0", "--since", "10m", "-f").code == 0
    assert project.log_queries == ["service=auth&service=db&tail=0&since=10m&follow=true"]


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_an_error_behind_the_lines_fails_the_command(project: FleetDouble, cli: Command, words: list[str]) -> None:
    project.log_lines = [line("auth", "one"), {"error": "Host local cannot be reached"}]
    answer = cli("project", "logs", REF, *words)
    assert (answer.code, answer.err) == (1, "error: Host local cannot be reached\n")
    assert "one" in answer.out


def test_a_refusal_has_its_exit_code(project: FleetDouble, cli: Command) -> None:
    answer = cli("project", "logs", "nothing")
    assert (answer.code, answer.err) == (4, "error: Project not found\n")
    assert cli("project", "logs", REF, "--tail", "-1").code == 2


def test_ctrl_c_ends_the_following_with_its_own_code(project: FleetDouble, tmp_path: Path) -> None:
    project.stays_open = True
    environment = os.environ | {"SUPAFLEET_API_URL": project.url, "SUPAFLEET_ACCESS_TOKEN": TOKEN}
    command = [sys.executable, "-m", "supafleet.cli", "project", "logs", REF, "-f"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with started(command, env=environment, cwd=tmp_path, **pipes) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "auth | one\n"
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")


def test_a_pipe_that_is_closed_is_no_error(project: FleetDouble, tmp_path: Path) -> None:
    project.log_lines = [line("auth", "x" * 1000)] * 500
    environment = os.environ | {"SUPAFLEET_API_URL": project.url, "SUPAFLEET_ACCESS_TOKEN": TOKEN}
    command = [sys.executable, "-m", "supafleet.cli", "project", "logs", REF]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with started(command, env=environment, cwd=tmp_path, **pipes) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(timeout=20) == 0


def test_a_terminal_gets_colours_and_obeys_no_log_line(project: FleetDouble, tmp_path: Path) -> None:
    project.log_lines = [line("auth", "\x1b[2J[bold]one[/bold]")]
    environment = os.environ | {"SUPAFLEET_API_URL": project.url, "SUPAFLEET_ACCESS_TOKEN": TOKEN, "TERM": "xterm"}
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "supafleet.cli", "project", "logs", REF]
    with started(command, env=environment, cwd=tmp_path, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        process.wait()
    os.close(ours)
    text = shown.decode()
    assert process.returncode == 0, text
    assert "[bold]one[/bold]" in text
    assert "\x1b[2J" not in text
    assert text.startswith("\x1b[")


def test_what_a_terminal_would_obey_is_left_out() -> None:
    assert printable("a\x1b[31mred\x1b[0m\x1b]0;title\x07b\tc\x00\r\x1b") == "aredb\tc"
