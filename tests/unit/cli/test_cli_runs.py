"""Following runs: nothing lost, nothing twice, whatever becomes of the connection."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from child_process import started
from fleet_double import GOOD_RUN, REF, RUN_ID, TOKEN, Command, FleetDouble, event

from supafleet.cli.client import FleetClient
from supafleet.cli.credentials import Connection
from supafleet.cli.exits import ApiRefusalError, ApiUnreachableError
from supafleet.cli.stream import follow_events

NUMBERS = [found["number"] for found in GOOD_RUN]


def numbers(text: str) -> list[int]:
    return [json.loads(line)["number"] for line in text.split("\n") if line]


def test_events_are_json_lines_as_they_came(logged_in: FleetDouble, cli: Command) -> None:
    answer = cli("run", "events", RUN_ID, "-f", "--json")
    assert answer.code == 0
    assert [json.loads(line)["message"] for line in answer.out.split("\n") if line][-1] == "line\u2028separator"
    assert numbers(answer.out) == NUMBERS


def test_events_begin_at_any_number(logged_in: FleetDouble, cli: Command) -> None:
    assert numbers(cli("run", "events", RUN_ID, "-f", "--from", "4", "--json").out) == [4, 5, 6]
    assert logged_in.last_event_ids == ["3"]


@pytest.mark.parametrize("limit", [0, 10, 100, 300, 333, 500, 700])
def test_a_drop_neither_loses_nor_repeats_an_event(logged_in: FleetDouble, cli: Command, limit: int) -> None:
    logged_in.breaks_after = [limit, limit, limit]
    answer = cli("run", "events", RUN_ID, "-f", "--json")
    assert answer.code == 0, answer.err
    assert numbers(answer.out) == NUMBERS
    assert len(logged_in.last_event_ids) >= 2


def test_a_gap_is_asked_for_again_and_then_believed(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.events = [found for found in GOOD_RUN if found["number"] not in (1, 2)]
    assert numbers(cli("run", "events", RUN_ID, "-f", "--json").out) == [3, 4, 5, 6]
    assert logged_in.last_event_ids == ["0", "0"]


def test_events_behind_the_end_of_a_finished_run_are_none(logged_in: FleetDouble, cli: Command) -> None:
    answer = cli("run", "events", RUN_ID, "-f", "--from", "7", "--json")
    assert (answer.code, answer.out) == (0, "")


def test_without_follow_the_events_so_far_are_printed(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.events, logged_in.stays_open = GOOD_RUN[:3], True
    answer = cli("run", "events", RUN_ID, "--json")
    assert (answer.code, numbers(answer.out)) == (0, [1, 2, 3])


def test_follow_fails_with_the_run(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.run = {"status": "failed", "explanation": "db exited with code 3"}
    answer = cli("run", "events", RUN_ID, "--follow")
    assert answer.code == 1
    assert answer.err == "error: db exited with code 3\n"
    assert "watch · db starting, kong healthy" in answer.out


def test_runs_are_listed_of_all_projects_or_of_one(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.add_project()
    logged_in.run = {"reason": "lost a container"}
    assert cli("run", "list").out.splitlines() == [
        f"ID{' ' * 36}KIND             PROJECT{' ' * 15}STATE      ACTOR            STARTED{' ' * 20}DURATION  REASON",
        f"{RUN_ID}  project_observe  {REF}  succeeded  owner@localhost  2026-11-22T12:00:00+00:00  6.0s      "
        "lost a container",
        f"{RUN_ID}  project_create   {REF}  succeeded  owner@localhost  2026-11-22T12:00:00+00:00  6.0s      "
        "lost a container",
    ]
    document = cli("run", "list", "--project", "demo", "--limit", "5", "--json").document
    assert [run["kind"] for run in document] == ["project_observe", "project_create"]
    assert logged_in.run_queries == ["limit=20", f"limit=5&project={REF}"]


def test_a_run_that_waits_has_neither_start_nor_duration(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.run = {"status": "queued", "started_at": None, "ended_at": None}
    assert cli("run", "list").out.splitlines()[1].endswith("queued  owner@localhost")


def test_runs_of_a_project_that_nobody_knows_are_not_found(logged_in: FleetDouble, cli: Command) -> None:
    answer = cli("run", "list", "--project", "nothing")
    assert (answer.code, answer.err) == (4, "error: Project not found\n")
    assert cli("run", "list", "--limit", "0").code == 2


def test_an_unknown_run_is_not_found(logged_in: FleetDouble, cli: Command) -> None:
    answer = cli("run", "show", "nothing")
    assert (answer.code, answer.err) == (4, "error: Run not found\n")


def test_show_prints_times_and_explanation(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.run = {"status": "failed", "explanation": "db exited with code 3"}
    text = cli("run", "show", RUN_ID).out
    assert "db exited with code 3" in text
    assert "watch 3.0s" in text
    assert cli("run", "show", RUN_ID, "--json").document["status"] == "failed"


def test_an_api_that_stays_away_ends_the_watch_in_bounded_time(fleet: FleetDouble) -> None:
    fleet.breaks_after = [100] * 1000
    client = FleetClient(Connection(fleet.url, TOKEN))
    began = time.monotonic()
    with pytest.raises(ApiUnreachableError):
        list(follow_events(client, RUN_ID, patience_seconds=0.3))
    assert time.monotonic() - began < 10


def test_a_watch_goes_on_when_the_token_has_requests_again(fleet: FleetDouble) -> None:
    client = FleetClient(Connection(fleet.url, TOKEN))
    fleet.breaks_after = [333]
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        fleet.is_spent = len(pauses) < 3

    assert [event.number for event in follow_events(client, RUN_ID, sleep=sleep)] == NUMBERS
    assert len(pauses) == 3
    fleet.is_spent = True
    with pytest.raises(ApiRefusalError, match="Too many requests"):
        list(follow_events(client, RUN_ID))


def test_ctrl_c_detaches_and_says_how_to_resume(fleet: FleetDouble, tmp_path: Path) -> None:
    fleet.events, fleet.stays_open = GOOD_RUN[:4], True
    environment = os.environ | {"SUPAFLEET_API_URL": fleet.url, "SUPAFLEET_ACCESS_TOKEN": TOKEN}
    command = [sys.executable, "-m", "supafleet.cli", "project", "create", "shop", "--wait"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with started(command, env=environment, cwd=tmp_path, **pipes) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "kong" in line:
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err == f"error: stopped watching; the run goes on. See the rest with: supafleet run events {RUN_ID} -f\n"


def test_a_terminal_gets_a_table_with_a_line_per_service(fleet: FleetDouble, tmp_path: Path) -> None:
    environment = os.environ | {"SUPAFLEET_API_URL": fleet.url, "SUPAFLEET_ACCESS_TOKEN": TOKEN, "TERM": "xterm"}
    fleet.events = [
        *GOOD_RUN[:5],
        event(6, "task.ok", phase="watch", task="[bold]odd[/bold] name"),
        event(7, "run.ended"),
    ]
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "supafleet.cli", "project", "create", "shop", "--wait"]
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
    assert "\x1b[32mhealthy" in text
    assert "[bold]odd[/bold] name" in text
    assert "anon-jwt" in text
