"""A worker without an API as a test sees it: start, kill, and what of a run is on the machine."""

import time
from pathlib import Path

from supafleet.runner import processes
from tests.integration.jobs.live_service import ServiceProcess


class WorkerProcess(ServiceProcess):
    """A process that carries out runs; it is asked through an API elsewhere."""

    command = ("tests.integration.jobs.worker_process",)

    def start(self) -> "WorkerProcess":
        self._process = self._spawn(*self.command, self.owner)
        deadline = time.monotonic() + 60
        while "worker.started" not in self.log:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)
        return self


def playbooks_of(run_id: str) -> list[int]:
    """The playbooks that work on a run at this moment: more than one would do its work twice."""
    marked = processes.marked_processes(processes.RUN_MARKER, run_id)
    return [pid for pid in marked if "supafleet.runner.child" in _command_line(pid)]


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
