"""An API without a worker, and two workers beside it on one PostgreSQL: what the cells with a dead worker play on."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.e2e.live_service import LiveService


class ClusterService(LiveService):
    """Three processes for one service."""

    def __init__(self, data_dir: Path, ports: tuple[int, int], subnet_pool: str, database_url: str) -> None:
        settings = {"database_url": database_url, "embedded_worker": "false"}
        super().__init__(data_dir, "matrix-cluster", ports, subnet_pool, **settings)
        self._workers: list[subprocess.Popen[bytes]] = []

    def start(self, program: str | None = None) -> LiveService:
        super().start(program)
        while len(self._workers) < 2:
            self._start_worker()
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        for worker in self._workers:
            worker.send_signal(how)
        for worker in self._workers:
            worker.wait(timeout=60)
        self._workers = []
        super().stop(how)

    def kill_worker(self, run: str) -> None:
        """Kill the worker that carries out the run; another one takes its place in the cluster."""
        owners = {worker.pid: worker for worker in self._workers}
        for process in psutil.process_iter():
            try:
                is_child = process.environ().get("SUPAFLEET_RUN_ID") == run and process.ppid() in owners
            except psutil.Error:
                continue
            if is_child:
                worker = owners[process.ppid()]
                worker.kill()
                worker.wait()
                self._workers.remove(worker)
                self._start_worker()
                return

    def _start_worker(self) -> None:
        words = [str(Path(sys.executable).with_name("supafleet")), "worker"]
        with self.log.open("ab") as log:
            worker = subprocess.Popen(
                words, env=self.environment, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        self._workers.append(worker)
