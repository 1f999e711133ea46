"""The kill matrix itself: which cells there are, when one counts, and that it would see a leak."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e import docker_eyes
from tests.e2e.live_service import LiveService
from tests.engine.earlier_runs import await_lapse
from tests.matrix import playing
from tests.matrix.__main__ import _is_played, _words
from tests.matrix.cells import PHASES, VICTIMS, Cell, cells_of, daily_cells
from tests.matrix.playing import Stage, Verdict

CELL = Cell("pause", "stop", "child")
RIGHT = Verdict(CELL, killed=1, state="INACTIVE", seconds=20, leaks=[], repeated="no-op")


def test_a_cell_in_which_nothing_died_is_neither_right_nor_played() -> None:
    assert RIGHT.is_right
    missed = replace(RIGHT, killed=0)
    assert not missed.is_right
    kept = {"killed": missed.killed, "state": missed.state, "seconds": 20, "right": missed.is_right}
    assert not _is_played(kept)
    assert "not reached" in _words(kept)
    assert not _is_played(None)
    assert not replace(RIGHT, repeated="another run").is_right


def test_every_cell_that_can_exist_is_there_once() -> None:
    for victim in VICTIMS:
        cells = cells_of(victim)
        assert len(set(cells)) == len(cells)
        if victim != "container":
            assert {(cell.verb, cell.phase) for cell in cells} == {
                (v, p) for v, phases in PHASES.items() for p in phases
            }
    containers = {cell.name for cell in cells_of("container")}
    assert "create/lock/container" not in containers
    assert "create/watch/container" in containers


def test_the_daily_cells_are_as_many_as_may_be_and_exist() -> None:
    cells = daily_cells()
    assert len(cells) <= 20
    assert {(cell.victim, cell.verb) for cell in cells} >= {
        (victim, verb)
        for victim in ("service", "child", "playbook", "container")
        for verb in ("create", "pause", "resume", "delete")
    }
    assert set(cells) <= {cell for victim in VICTIMS for cell in cells_of(victim)}


def test_a_private_folder_that_is_left_is_a_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = LiveService(tmp_path, "matrix", (1, 2), "10.0.0.0/16")
    (tmp_path / "executor-name").write_text("worker-of-this-test")
    monkeypatch.setattr(playing, "_SHARED_MEMORY", tmp_path)
    for name, owner in (("ours", "worker-of-this-test-0"), ("foreign", "worker-of-another-0")):
        folder = tmp_path / f"supafleet-run-{name}"
        folder.mkdir()
        (folder / "owner.json").write_text(json.dumps({"owner": owner, "run_id": "r", "attempt": 1}))
    assert Stage(live)._at_work() == [str(tmp_path / "supafleet-run-ours")]


def test_a_process_of_a_run_is_found_by_its_mark(tmp_path: Path) -> None:
    stage = Stage(LiveService(tmp_path, "matrix", (1, 2), "10.0.0.0/16"))
    beginning = os.environ["PATH"][:3]
    assert os.getpid() in {process.pid for process in stage._marked("PATH", beginning)}
    assert stage._marked("SUPAFLEET_RUN_ID", "no run has this id") == []


def test_the_sweep_waits_for_the_lock_of_a_killed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_eyes, "RECORDS", tmp_path)
    (tmp_path / "locks").mkdir()
    lapses_at = time.time() + 1
    (tmp_path / "locks" / "demo.json").write_text(json.dumps({"run": "r", "expires_at": lapses_at}))
    await_lapse("demo")
    assert time.time() >= lapses_at
    await_lapse("without-a-lock")
