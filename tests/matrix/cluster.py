"""An API without a worker, and two workers beside it on one PostgreSQL: what the cells with a dead worker play on."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import psutil

from tests.e2e.live_service import LiveService

_WORKERS = 2


class ClusterService(LiveService):
    """Three processes for one service."""

    def __init__(self, data_dir: Path, ports: tuple[int, int], subnet_pool: str, database_url: str) -> None:
        settings = {"database_url": database_url, "embedded_worker": "false"}
        super().__init__(data_dir, "matrix-cluster", ports, subnet_pool, **settings)
        self._workers: list[subprocess.Popen[bytes]] = []

    def start(self, program: str | None = None) -> LiveService:
        super().start(program)
        self.replace_workers(())
        return self

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        for worker in self._workers:
            worker.send_signal(how)
        for worker in self._workers:
            worker.wait(timeout=60)
        self._workers = []
        super().stop(how)

    def workers_of(self, run: str) -> list[int]:
        """Process ids of the worker that carries out the run; none when nobody does now."""
        workers = {worker.pid for worker in self._workers}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("SUPAFLEET_RUN_ID") == run and process.ppid() in workers:
                    return [process.ppid()]
        return []

    def replace_workers(self, killed: Collection[int]) -> None:
        """Another worker takes the place of each that was killed."""
        for worker in [one for one in self._workers if one.pid in killed]:
            worker.wait(timeout=60)
            self._workers.remove(worker)
        while len(self._workers) < _WORKERS:
            self._start_worker()

    def _start_worker(self) -> None:
        words = [str(Path(sys.executable).with_name("supafleet")), "worker"]
        with self.log.open("ab") as log:
            worker = subprocess.Popen(
                words, env=self.environment, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        self._workers.append(worker)
