"""One playbook run in a process of its own: `python -m supafleet.runner.child SPEC`.

ansible-runner's own cancel and the death of its parent both leave playbook processes running. This wrapper holds a
lifeline (stdin) and a lease, and ends every descendant before it ends itself.
"""

import json
import os
import shlex
import signal
import sys
import sysconfig
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from supafleet.runner import processes
from supafleet.runner.redaction import Redactor
from supafleet.runner.reduction import reduce_event

_PEXPECT_TIMEOUT_SECONDS = 1
_KEPT_OUTPUT_LINES = 20
#: How long after the lease and the grace the end is forced, and how long that may take. With the second until the lease
#: is found to be over it is the KILLING_SECONDS of the settings.
_LATE_SECONDS = 1.0
_FORCED_SECONDS = 3.0


class Lifeline:
    """Whether this run should go on: stdin tells pings, `cancel` and, by its end, that the parent died."""

    def __init__(self, lease_seconds: float, grace_seconds: float) -> None:
        self._lease_seconds = lease_seconds
        self._grace_seconds = grace_seconds
        self._last_ping = time.monotonic()
        self._stop_asked_at: float | None = None
        self._lock = threading.Lock()
        self.reason: str | None = None

    def stop(self, reason: str) -> None:
        """Ask the run to end; the first reason counts."""
        with self._lock:
            if self.reason is None:
                self.reason = reason

    def watch(self) -> None:
        """Start the threads that listen to the parent and watch the lease, and take SIGTERM as a wish to stop."""
        signal.signal(signal.SIGTERM, lambda *_: self.stop("terminated"))
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._watch_lease, daemon=True).start()

    def should_cancel(self) -> bool:
        """ansible-runner's cancel callback: end the children gently first, and say yes when they are gone or late."""
        if self.reason is None:
            return False
        now = time.monotonic()
        if self._stop_asked_at is None:
            self._stop_asked_at = now
            processes.terminate_children()
            return False
        return now - self._stop_asked_at > self._grace_seconds or not processes.direct_children()

    def _listen(self) -> None:
        for line in sys.stdin:
            if line.strip() == "cancel":
                self.stop("canceled")
            else:
                self._last_ping = time.monotonic()
        self.stop("parent-died")

    def _watch_lease(self) -> None:
        while time.monotonic() - self._last_ping < self._lease_seconds:
            time.sleep(min(1.0, self._lease_seconds / 4))
        self.stop("lease-lost")
        # A parent that is frozen reads no events: with its pipe full, nobody else here comes to act on the reason.
        time.sleep(self._grace_seconds + _LATE_SECONDS)
        processes.kill_descendants(_FORCED_SECONDS)
        os._exit(1)


class EventPipe:
    """Events as JSON lines for the parent. Called in ansible-runner's read loop, so it only writes a line."""

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        self._stream = stream
        self._redactor = redactor
        self.stats_seen: dict[str, Any] | None = None
        self.last_output: list[str] = []

    def handle(self, event: dict[str, Any]) -> bool:
        """Pass on what is worth it; False keeps ansible-runner from writing the event to disk."""
        kind = event.get("event", "")
        if kind == "playbook_on_stats":
            self.stats_seen = event.get("event_data", {})
        if kind in ("verbose", "error") and event.get("stdout", "").strip():
            self.last_output = [*self.last_output, event["stdout"].strip()][-_KEPT_OUTPUT_LINES:]
        reduced = reduce_event(event, self._redactor.text)
        if reduced is not None:
            self.write(reduced)
        return False

    def write(self, message: dict[str, Any]) -> None:
        """One line for the parent; a parent that is gone is noticed by the lifeline."""
        try:
            self._stream.write(json.dumps(message, default=str) + "\n")
            self._stream.flush()
        except BrokenPipeError:
            pass


def ansible_playbook_path() -> str:
    """The `ansible-playbook` of this very Python; never one found in PATH."""
    for folder in (Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))):
        candidate = folder / "ansible-playbook"
        if candidate.is_file():
            return str(candidate)
    raise FileNotFoundError(f"ansible-playbook is not installed beside {sys.executable}")


def _run(spec: dict[str, Any], lifeline: Lifeline, pipe: EventPipe) -> tuple[str, int | None]:
    # Imported late: the lifeline must listen before this import, which takes a while on a busy machine.
    import ansible_runner
    import pexpect  # type: ignore[import-untyped]  # it comes with ansible-runner and has no types

    try:
        runner = ansible_runner.run(
            private_data_dir=spec["private_data_dir"],
            project_dir=spec["project_dir"],
            # With a binary named, ansible-runner leaves the playbook to the command line.
            binary=ansible_playbook_path(),
            cmdline=shlex.quote(spec["playbook"]),
            inventory=spec["inventory"],
            limit=spec["limit"],
            verbosity=spec["verbosity"] or None,
            ident=spec["ident"],
            settings={"pexpect_timeout": _PEXPECT_TIMEOUT_SECONDS, "job_timeout": spec["timeout_seconds"]},
            fact_cache_type="",
            quiet=True,
            event_handler=pipe.handle,
            cancel_callback=lifeline.should_cancel,
        )
    except pexpect.TIMEOUT:
        # ansible-runner waits five seconds for the end of the output after the playbook ended. The stats are the truth.
        if pipe.stats_seen is None:
            return "error", None
        bad = pipe.stats_seen.get("failures") or pipe.stats_seen.get("dark")
        return ("failed", 2) if bad else ("successful", 0)
    return str(runner.status), runner.rc


def main() -> None:
    """Run what the spec says and tell how it ended."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    spec = json.loads(Path(sys.argv[1]).read_text())
    processes.become_subreaper()
    lifeline = Lifeline(spec["lease_seconds"], spec["grace_seconds"])
    lifeline.watch()
    pipe = EventPipe(events, Redactor(spec["secrets"]))
    status, code, problem = "error", None, None
    try:
        status, code = _run(spec, lifeline, pipe)
    except Exception as error:  # the parent must learn of it in any case
        problem = f"{type(error).__name__}: {error}"
    finally:
        processes.kill_descendants()
    end = {"end": status, "rc": code, "reason": lifeline.reason, "problem": problem, "output": pipe.last_output}
    pipe.write(end)
    # Threads that still read stdin must not hold the process back.
    os._exit(0)


if __name__ == "__main__":
    main()
