"""Programs that the benchmarks run, each in a session of its own: Ctrl-C reaches the benchmark alone."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_LONGEST = 300.0
_LAST_WORDS = 4000
_GRACE_SECONDS = 10.0


class CommandFailedError(RuntimeError):
    """A program ended badly; the message ends with what it said."""


def run(
    words: list[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = _LONGEST,
    may_fail: bool = False,
) -> str:
    """Standard output of a program."""
    process = subprocess.Popen(
        words,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=timeout)
    except BaseException:
        _end(process)
        raise
    if process.returncode and not may_fail:
        raise CommandFailedError(f"{' '.join(words[:4])} ... failed:\n{(output + errors)[-_LAST_WORDS:]}")
    return output


def docker(*words: str, may_fail: bool = False) -> str:
    return run(["docker", *words], may_fail=may_fail).strip()


def program(name: str) -> str:
    """A program of this very Python environment."""
    return str(Path(sys.executable).with_name(name))


def _end(process: "subprocess.Popen[str]") -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_GRACE_SECONDS)
            return
