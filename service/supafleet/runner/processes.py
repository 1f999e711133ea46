"""Finding and ending processes of a run: descendants of a child, and leftovers known by their marker."""

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

import psutil

#: Environment names every process of a run carries; only the marker of the run itself is a reason to kill.
RUN_MARKER = "SUPAFLEET_RUN_ID"
OWNER_MARKER = "SUPAFLEET_RUN_OWNER"

_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """Orphaned descendants become our children, so that those who call setsid cannot slip away."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER) failed")


def direct_children() -> list[psutil.Process]:
    """Living children of this process."""
    return [child for child in psutil.Process().children() if _is_alive(child)]


def terminate_children() -> None:
    """Ask the direct children to end: Ansible then ends its own forks."""
    for child in direct_children():
        with contextlib.suppress(psutil.Error):
            child.terminate()


def kill_descendants(deadline_seconds: float = 5.0) -> None:
    """Kill every descendant and reap it, again and again, until none is left."""
    end = time.monotonic() + deadline_seconds
    while time.monotonic() < end:
        descendants = [each for each in psutil.Process().children(recursive=True) if _is_alive(each)]
        if not descendants:
            return
        for each in descendants:
            with contextlib.suppress(psutil.Error):
                each.kill()
        _reap()
        time.sleep(0.02)


def marked_processes(name: str, value: str) -> list[int]:
    """Process ids on this machine whose environment says `name=value`, except this one."""
    wanted = f"{name}={value}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def kill_marked(name: str, value: str, deadline_seconds: float = 5.0) -> int:
    """Kill all processes so marked and wait until they are gone; how many there were."""
    seen: set[int] = set()
    end = time.monotonic() + deadline_seconds
    while time.monotonic() < end:
        found = marked_processes(name, value)
        if not found:
            break
        seen.update(found)
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    return len(seen)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
