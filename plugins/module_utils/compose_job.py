"""Compose at work on a project after the module that started it has ended.

A hidden folder inside the project's folder holds what Compose prints and, once it has ended, its exit code. The folder
goes when all services are healthy, with the next converge, or with the project.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import signal
import subprocess
import tempfile

_PREFIX = ".compose-job-"
_OUTPUT, _EXIT_CODE = "output", "exit_code"
_LAST_BYTES = 4000
# The exit code appears whole or not at all, and nobody minds when the folder was removed meanwhile.
_RUN_AND_TELL = (
    'cd "$1" || exit; shift; "$@" >output 2>&1 </dev/null; { echo $? >.new && mv .new exit_code; } 2>/dev/null'
)


def start_job(root, words, timeout_seconds, environment=None):
    """Start `words` (list) in a session of its own and return the job's folder; after the timeout it is ended.

    Args:
        environment: dict of its variables, when they are not those of this process.
    """
    folder = tempfile.mkdtemp(prefix=_PREFIX, dir=root)
    subprocess.Popen(  # noqa: S603 - the script is ours, and every word beside it an argument of its own
        ["sh", "-c", _RUN_AND_TELL, "compose-job", folder, "timeout", str(timeout_seconds), *words],  # noqa: S607 - the host's shell
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment,
    )
    return folder


def read_job(folder):
    """State of the job: {"finished", "failed"}, or None without a folder."""
    if not folder:
        return None
    try:
        with open(os.path.join(folder, _EXIT_CODE), encoding="ascii") as file:
            code = int(file.read())
    except FileNotFoundError:
        return {"finished": False, "failed": False}
    return {"finished": True, "failed": code != 0}


def job_output(folder):
    """The end of what Compose printed."""
    try:
        with open(os.path.join(folder, _OUTPUT), "rb") as file:
            return file.read()[-_LAST_BYTES:].decode(errors="replace")
    except FileNotFoundError:
        return ""


def forget_job(folder):
    """Remove what is kept of a job."""
    shutil.rmtree(folder, ignore_errors=True)


def forget_jobs(root):
    """Remove what is kept of every job of the project: of those that failed, and of those whose run was killed."""
    for folder in glob.glob(os.path.join(glob.escape(root), _PREFIX + "*")):
        forget_job(folder)


def end_leftover_compose(project_root):
    """Kill every Compose process that still works on `project_root`; how many there were."""
    ended = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace").split("\0")
        except OSError:
            continue
        if int(pid) != os.getpid() and "compose" in words and project_root in words and words[0].find("docker") >= 0:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
                ended += 1
    return ended
