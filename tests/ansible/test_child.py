"""The child process: its clean environment, its discipline in ending, and what it never shows."""

import asyncio
import base64
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest

from supafleet.runner import processes
from supafleet.runner.launcher import AnsibleRunnerLauncher
from supafleet.runs.vocabulary import EventKind, RunEvent
from supafleet.settings import KILLING_SECONDS
from tests.ansible.launching import RUN_ID, SENTINELS, launch, real_launcher, request


def test_the_environment_is_clean_and_python_is_our_own(
    memory: Path, owner: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "python3"
    broken.write_text("#!/bin/sh\nexit 66\n")
    broken.chmod(0o755)
    (tmp_path / "ansible-playbook").symlink_to(broken)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SUPAFLEET_MASTER_KEY", "must-not-be-inherited")
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "no_such_callback")

    outcome, _ = launch(real_launcher(memory, owner=owner), request("shows_environment.yml"))

    told = dict(line.split("=", 1) for line in (outcome.explanation or "").splitlines() if "=" in line)
    assert "must-not-be-inherited" not in (outcome.explanation or "")
    assert told["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert told["HOME"].startswith(str(memory))
    assert told["ANSIBLE_HOST_KEY_CHECKING"] == "True"
    assert Path(told["ANSIBLE_CONFIG"]).is_file()
    assert str(tmp_path) not in told["PATH"]


@pytest.mark.parametrize("verbosity", [0, 3])
def test_no_secret_is_shown_anywhere(memory: Path, owner: str, verbosity: int) -> None:
    """Raw, base64 and URL-encoded; in events, the explanation, argv, logs and files that others may read."""
    argv: set[str] = set()
    watching = threading.Event()

    def look_at_processes() -> None:
        while not watching.wait(0.05):
            for process in psutil.process_iter(["cmdline"]):
                argv.add(" ".join(process.info["cmdline"] or []))

    watcher = threading.Thread(target=look_at_processes)
    watcher.start()
    launcher = real_launcher(memory, owner=owner)
    outcome, events = launch(launcher, request("tells_secrets.yml", verbosity=verbosity))
    failed, more = launch(launcher, request("fails.yml", "run-2", verbosity=verbosity))
    watching.set()
    watcher.join()

    shown = repr((outcome, events, failed, more)) + "\n".join(argv)
    assert "********" in shown
    assert any("ansible-playbook" in line and "extravars" in line for line in argv)
    for name in ("jwt_secret", "postgres_password"):
        value = SENTINELS[name]
        encoded = base64.b64encode(value.encode()).decode()
        for form in (value, encoded, encoded.rstrip("="), quote(value), quote(value, safe="")):
            assert form not in shown
    assert "entinel" not in shown.replace("sentinel", "")
    # The name of a user everybody knows is not masked: image names would be garbled.
    assert outcome.status == failed.status == "failed"


def test_the_private_folder_is_private_and_goes(memory: Path, owner: str) -> None:
    seen: list[tuple[str, int]] = []

    def look(_: RunEvent) -> None:
        if not seen:
            folder = next(memory.glob("supafleet-run-*"))
            seen.extend(
                (path.name, path.stat().st_mode & 0o777)
                for path in (folder, *folder.glob("*"), *folder.glob("[ei]n*/*"))
            )

    launch(real_launcher(memory, owner=owner), request("retries.yml"), look)

    modes = dict(seen)
    assert seen[0][1] == 0o700
    assert modes["extravars"] == modes["supafleet.yml"] == modes["spec.json"] == modes["owner.json"] == 0o600
    assert not list(memory.glob("supafleet-run-*"))


def test_a_watch_shows_each_change_once(memory: Path, owner: str) -> None:
    _, events = launch(real_launcher(memory, owner=owner), request("retries.yml"))

    observed = [event for event in events if event.kind is EventKind.SERVICES_OBSERVED]
    healthy = [sum(facts["phase"] == "healthy" for facts in (event.services or {}).values()) for event in observed]
    assert sorted(set(healthy)) == [0, 4, 8, 12]
    assert healthy == sorted(healthy)
    assert len(observed) <= 6


def test_a_name_is_never_a_template(memory: Path, owner: str) -> None:
    outcome, _ = launch(
        real_launcher(memory, owner=owner),
        request("fails.yml", secrets=[], extra_vars={"supafleet_secrets": {"demo": {"jwt_secret": "{{ 7*6 }}"}}}),
    )

    assert (outcome.explanation or "").endswith("the jwt is {{ 7*6 }}")


def test_a_timeout_is_named(memory: Path, owner: str) -> None:
    outcome, _ = launch(real_launcher(memory, owner=owner), request("sleeps.yml", timeout_seconds=3))

    assert outcome.status == "timeout"
    assert outcome.explanation == "The playbook did not end within 3 seconds."


def test_a_playbook_that_cannot_start_says_why(memory: Path, owner: str) -> None:
    outcome, _ = launch(real_launcher(memory, owner=owner), request("broken.yml"))

    assert outcome.status == "failed"
    assert "no_such_module" in (outcome.explanation or "")


def test_a_playbook_that_is_not_there_says_so(memory: Path, owner: str) -> None:
    outcome, _ = launch(real_launcher(memory, owner=owner), request("no_such_playbook.yml"))

    assert outcome.status in ("failed", "error")
    assert "no_such_playbook" in (outcome.explanation or "")


def test_a_big_result_is_cut(memory: Path, owner: str) -> None:
    outcome, events = launch(real_launcher(memory, owner=owner), request("talks_much.yml"))

    assert outcome.status == "failed"
    assert len(repr(events)) < 64_000


def test_cancel_leaves_nothing(memory: Path, owner: str) -> None:
    launcher = real_launcher(memory, owner=owner)

    async def scenario() -> tuple[str, float]:
        waiting = asyncio.Event()

        def take(event: RunEvent) -> None:
            if event.phase == "watch":
                waiting.set()

        launching = asyncio.create_task(launcher.launch(request("sleeps.yml"), take))
        await asyncio.wait_for(waiting.wait(), 30)
        while not _sleepers(owner):
            await asyncio.sleep(0.1)
        asked = time.monotonic()
        launcher.cancel(RUN_ID)
        outcome = await launching
        return outcome.status, time.monotonic() - asked

    status, seconds = asyncio.run(scenario())
    assert status == "canceled"
    assert seconds < 10
    assert processes.marked_processes(processes.OWNER_MARKER, owner) == []


def test_a_killed_worker_takes_its_playbook_with_it(memory: Path, owner: str) -> None:
    worker = _start_worker(memory, owner, lease=60)
    worker.kill()
    worker.wait()

    assert _wait_until_gone(owner) < 12
    # The next process of the same name removes the folder with the secrets.
    real_launcher(memory, owner=owner).sweep()


def test_a_frozen_workers_playbook_ends_by_its_lease(memory: Path, owner: str) -> None:
    worker = _start_worker(memory, owner, lease=3)
    time.sleep(4)
    assert _sleepers(owner) >= 1, "a worker that pings keeps its playbook"
    worker.send_signal(signal.SIGSTOP)
    try:
        assert _wait_until_gone(owner) < 12
    finally:
        worker.kill()
        worker.wait()
    real_launcher(memory, owner=owner).sweep()


def test_a_frozen_workers_playbook_ends_by_its_lease_when_nobody_takes_its_events(memory: Path, owner: str) -> None:
    """The child cannot write any more then: its thread that watches the lease has to do all."""
    worker = _start_worker(memory, owner, lease=3, playbook="floods.yml")
    worker.send_signal(signal.SIGSTOP)
    try:
        assert _wait_until_gone(owner) < 3 + 2 + KILLING_SECONDS + 3
    finally:
        worker.kill()
        worker.wait()
    real_launcher(memory, owner=owner).sweep()


def test_a_killed_childs_leftovers_are_ended(memory: Path, owner: str) -> None:
    launcher = real_launcher(memory, owner=owner)

    def kill_child(event: RunEvent) -> None:
        if event.phase == "watch":
            _child_of(launcher).kill()

    outcome, _ = launch(launcher, request("sleeps.yml"), kill_child)

    assert outcome.status == "error"
    assert outcome.is_interrupted
    assert processes.marked_processes(processes.OWNER_MARKER, owner) == []


def test_a_child_that_is_killed_in_the_middle_of_a_line_was_interrupted(
    memory: Path, owner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = tmp_path / "python"
    cut.write_text("""#!/bin/sh
echo '{"event": "playbook_on_task_start", "task": "watch | Wait"}'
printf '{"event": "runner_on_ok", "task": "wa'
""")
    cut.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(cut))

    outcome, events = launch(real_launcher(memory, owner=owner), request("sleeps.yml"))

    assert (outcome.status, outcome.is_interrupted) == ("error", True)
    assert [event.phase for event in events] == ["watch"]


def test_last_words_are_masked_before_they_are_cut(
    memory: Path, owner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = SENTINELS["postgres_password"]
    broken = tmp_path / "python"
    broken.write_text(f"#!/bin/sh\nprintf '%s' '{secret}{'x' * 1990}' >&2\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))

    outcome, _ = launch(real_launcher(memory, owner=owner), request("sleeps.yml"))

    assert (outcome.explanation or "").endswith("x" * 1990)
    assert secret[-8:] not in (outcome.explanation or "")


@pytest.mark.parametrize(("is_canceled", "timeout_seconds"), [(True, 300), (False, 6)], ids=["cancel", "timeout"])
def test_a_child_that_answers_no_more_does_not_keep_its_run_from_ending(
    memory: Path, owner: str, *, is_canceled: bool, timeout_seconds: float
) -> None:
    launcher = real_launcher(memory, owner=owner, grace=1)

    async def scenario() -> tuple[str, float]:
        frozen = asyncio.Event()

        def freeze(_: RunEvent) -> None:
            _child_of(launcher).suspend()
            frozen.set()

        began = time.monotonic()
        wanted = request("sleeps.yml", timeout_seconds=timeout_seconds)
        launching = asyncio.create_task(launcher.launch(wanted, freeze))
        await asyncio.wait_for(frozen.wait(), 30)
        if is_canceled:
            began = time.monotonic()
            await asyncio.to_thread(launcher.cancel, RUN_ID)
            await asyncio.sleep(1)
            await asyncio.to_thread(launcher.cancel, RUN_ID)
        outcome = await asyncio.wait_for(launching, 60)
        return outcome.status, time.monotonic() - began

    status, seconds = asyncio.run(scenario())
    assert status == ("canceled" if is_canceled else "timeout")
    spare = 1 + KILLING_SECONDS
    assert seconds < (0 if is_canceled else timeout_seconds) + spare + (1 + 3) + 5
    assert processes.marked_processes(processes.OWNER_MARKER, owner) == []


def test_stop_ends_all_children_and_names_their_runs(memory: Path, owner: str) -> None:
    launcher = real_launcher(memory, owner=owner)

    async def scenario() -> tuple[list[str], bool]:
        begun = asyncio.Event()
        launching = asyncio.create_task(launcher.launch(request("sleeps.yml"), lambda _: begun.set()))
        await asyncio.wait_for(begun.wait(), 20)
        interrupted = await asyncio.to_thread(launcher.stop)
        return interrupted, (await launching).is_interrupted

    assert asyncio.run(scenario()) == ([RUN_ID], True)


def _start_worker(memory: Path, owner: str, lease: float, playbook: str = "sleeps.yml") -> "subprocess.Popen[str]":
    root = Path(__file__).resolve().parents[2]
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.ansible.worker_process", str(memory), owner, str(lease), playbook],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    deadline = time.monotonic() + 30
    while _sleepers(owner) < 1 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _sleepers(owner) >= 1
    return worker


def _sleepers(owner: str) -> int:
    count = 0
    for pid in processes.marked_processes(processes.OWNER_MARKER, owner):
        try:
            count += psutil.Process(pid).cmdline() == ["sleep", "302"]
        except psutil.Error:
            continue
    return count


def _wait_until_gone(owner: str) -> float:
    began = time.monotonic()
    while processes.marked_processes(processes.OWNER_MARKER, owner):
        assert time.monotonic() - began < 30, "the playbook runs on"
        time.sleep(0.1)
    return time.monotonic() - began


def _child_of(launcher: AnsibleRunnerLauncher) -> psutil.Process:
    children = [each for each in psutil.Process().children() if "supafleet.runner.child" in " ".join(each.cmdline())]
    assert len(children) == 1
    return children[0]
