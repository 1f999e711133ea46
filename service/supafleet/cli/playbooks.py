"""Running a playbook for a person: a line per task with its time, the whole output in a log."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from supafleet.cli.exits import CommandError
from supafleet.content import content_root

# One JSON object a line, so that nothing is guessed from text made for the eye.
_CALLBACK = "ansible.posix.jsonl"
_RESULTS = {"v2_runner_on_ok", "v2_runner_on_failed", "v2_runner_on_unreachable"}
_STARTS = {"v2_playbook_on_task_start", "v2_playbook_on_handler_task_start"}
_LINES_OF_OUTPUT = 15


@dataclass(frozen=True)
class TaskLine:
    """What became of one task."""

    outcome: str
    seconds: float
    name: str
    failure: str | None = None


def run_playbook(name: str, log_path: Path, options: Sequence[str] = ()) -> Iterator[TaskLine]:
    """Run `playbooks/<name>.yml` on this machine's inventory, a line per finished task.

    Args:
        options: more words for `ansible-playbook`.

    Raises:
        CommandError: the playbook failed; names the task, the reason and the log.
    """
    root = content_root()
    inventory = root / "inventories" / "local"
    if not inventory.is_dir():
        raise CommandError(f"{inventory} is missing: `supafleet up` works in a checkout")
    program = Path(sys.executable).parent / "ansible-playbook"
    command = [str(program), "-i", str(inventory), str(root / "playbooks" / f"{name}.yml"), *options]
    environment = os.environ | {
        "ANSIBLE_CONFIG": str(root / "ansible.cfg"),
        "ANSIBLE_STDOUT_CALLBACK": _CALLBACK,
        "ANSIBLE_NOCOLOR": "1",
    }
    log_path.parent.mkdir(parents=True, exist_ok=True)
    failures: list[TaskLine] = []
    with log_path.open("w", encoding="utf-8") as log:
        os.chmod(log_path, 0o600)
        try:
            process = subprocess.Popen(  # noqa: S603 - the program of this environment, and a list of words
                command,
                cwd=root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        except OSError as error:
            raise CommandError(f"cannot start {program}: {error.strerror}") from error
        with process:
            for line in read_tasks(_copied(process.stdout or (), log)):
                if line.failure is not None:
                    failures.append(line)
                yield line
    if process.returncode != 0:
        raise _failure(name, log_path, failures)


def read_tasks(lines: Iterable[str]) -> Iterator[TaskLine]:
    """Task lines out of the callback's lines; whatever is no JSON object is for the log only."""
    started: dict[str, float] = {}
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if not isinstance(event, dict):
            continue
        kind, task = event.get("_event"), event.get("task", {})
        if kind in _STARTS:
            started[task["id"]] = time.monotonic()
        elif kind in _RESULTS:
            seconds = time.monotonic() - started.get(task["id"], time.monotonic())
            for result in event["hosts"].values():
                yield _task_line(kind, task["name"], seconds, result)


def _task_line(kind: str, name: str, seconds: float, result: dict[str, Any]) -> TaskLine:
    if kind == "v2_runner_on_ok":
        return TaskLine("changed" if result.get("changed") else "ok", seconds, name)
    outputs = (result.get("msg"), result.get("stderr"), result.get("stdout"))
    parts = [str(part).strip() for part in outputs if part]
    return TaskLine("failed", seconds, name, failure="\n".join(parts) or "no reason was given")


def _copied(lines: Iterable[str], log: TextIO) -> Iterator[str]:
    for line in lines:
        log.write(line)
        log.flush()
        yield line


def _failure(name: str, log_path: Path, failures: Sequence[TaskLine]) -> CommandError:
    if not failures:
        last = log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES_OF_OUTPUT:]
        return CommandError(f"the playbook {name} could not run (log: {log_path})", lines=tuple(last))
    failed = failures[-1]
    sentence, *rest = (failed.failure or "").splitlines()
    message = f"the playbook {name} failed at {failed.name!r}: {sentence} (log: {log_path})"
    return CommandError(message, lines=tuple(rest[-_LINES_OF_OUTPUT:]))
