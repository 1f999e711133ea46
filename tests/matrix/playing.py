"""Playing a cell: ask for the verb, kill at the phase, and see with Docker's eyes what it ends in and leaves."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from tests.e2e import docker_eyes
from tests.e2e.live_service import LiveService
from tests.matrix.cells import GOALS, Cell
from tests.matrix.cluster import ClusterService

#: A killed process is noticed and its run taken up in this time; one more converge follows.
NOTICE_SECONDS, CONVERGE_SECONDS = 60.0, 90.0
PATIENCE_SECONDS = NOTICE_SECONDS + CONVERGE_SECONDS + 60
_PHASE_SECONDS = 90.0
_SHARED_MEMORY = Path("/dev/shm")


@dataclass
class Verdict:
    """How a cell ended."""

    cell: Cell
    state: str
    seconds: float
    leaks: list[str]
    repeated: str
    detail: str = ""

    @property
    def is_right(self) -> bool:
        in_time = self.seconds <= NOTICE_SECONDS + CONVERGE_SECONDS
        return self.state == GOALS[self.cell.verb] and not self.leaks and self.repeated == "no-op" and in_time


class Stage:
    """A service, and the project that lives through one life's cells."""

    def __init__(self, live: LiveService, **where: str) -> None:
        self.live = live
        self.ref = ""
        self._where = where

    def play(self, cell: Cell) -> Verdict:
        """Play one cell; the project is afterwards where the verb leads."""
        began = time.monotonic()
        run = self._ask(cell.verb)
        if self._reaches(run, cell.phase):
            self._kill(cell.victim, run)
        state = self._settle(run)
        seconds = time.monotonic() - began
        return Verdict(cell, state, seconds, self._leaks(cell.verb), self._repeat(cell.verb))

    def _ask(self, verb: str) -> str:
        """Id of the run that was asked for; empty when there is nothing to do."""
        if verb == "create":
            self.ref = self.live.create(f"Matrix {time.monotonic_ns()}", **self._where)
            return str(self.live.runs(self.ref)[0]["id"])
        method, path = ("DELETE", "/v1/projects/") if verb == "delete" else ("POST", "/fleet/projects/")
        path += self.ref if verb == "delete" else f"{self.ref}/{verb}"
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self.live.client() as api:
            # What was killed may be healed at this moment, and then everybody has to wait.
            while (answer := api.request(method, path)).status_code == httpx.codes.CONFLICT:
                assert time.monotonic() < deadline, answer.text
                time.sleep(0.5)
            assert answer.status_code == httpx.codes.OK, answer.text
            if verb == "delete":
                return str(api.get("/fleet/runs", params={"project": self.ref}).json()[0]["id"])
            run = answer.json()
            return "" if run is None else str(run["id"])

    def _reaches(self, run: str, phase: str) -> bool:
        """Whether the run entered the phase; a run may be through before anybody looked."""
        deadline = time.monotonic() + _PHASE_SECONDS
        with self.live.client() as api:
            while time.monotonic() < deadline:
                told = api.get(f"/fleet/runs/{run}").json()
                if phase in {one["name"] for one in told["phases"]}:
                    return True
                if told["ended_at"] is not None:
                    return False
                time.sleep(0.02)
        raise AssertionError(f"run {run} never came to {phase}")

    def _kill(self, victim: str, run: str) -> None:
        if victim == "worker":
            assert isinstance(self.live, ClusterService)
            self.live.kill_worker(run)
            return
        if victim == "service":
            self.live.stop(signal.SIGKILL)
            self.live.start()
            return
        if victim == "container":
            pids = [one["State"]["Pid"] for one in docker_eyes.containers(self.ref).values() if one["State"]["Pid"]]
            if pids:
                os.kill(pids[0], signal.SIGKILL)
            return
        word = "supafleet.runner.child" if victim == "child" else "ansible-playbook"
        for process in self._descendants():
            if any(word in part for part in process.info["cmdline"] or []):
                process.kill()

    def _settle(self, run: str) -> str:
        """The project's status once the run has ended, or `gone`; what was killed may have to be healed first."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        told = "never answered"
        while time.monotonic() < deadline:
            try:
                with self.live.client() as api:
                    is_over = api.get(f"/fleet/runs/{run}").json()["ended_at"] is not None
                    answer = api.get(f"/fleet/projects/{self.ref}")
            except httpx.TransportError:
                time.sleep(0.2)
                continue
            if answer.status_code == 404:
                return "gone"
            project = answer.json()
            told = project["status"] + (f" ({project['status_reason']})" if project["status_reason"] else "")
            is_busy = project["run"]["ended_at"] is None
            if is_over and not is_busy and told in ("ACTIVE_HEALTHY", "INACTIVE"):
                return told
            if is_over and project["status"].endswith("_FAILED"):
                return told
            time.sleep(0.2)
        return told

    def _repeat(self, verb: str) -> str:
        """Asking again changes nothing."""
        if verb in ("create", "restart"):
            return "no-op"  # a second create is another project, a second restart is wanted
        with self.live.client() as api:
            if verb == "delete":
                return "no-op" if api.delete(f"/v1/projects/{self.ref}").status_code == 404 else "not gone"
            answer = api.post(f"/fleet/projects/{self.ref}/{verb}")
        return "no-op" if (answer.status_code, answer.json()) == (200, None) else answer.text

    def _leaks(self, verb: str) -> list[str]:
        leaks = list(self._strays())
        records = docker_eyes.RECORDS
        if (records / "locks" / f"{self.ref}.json").exists():
            leaks.append("the host's lock")
        found = docker_eyes.leftovers(self.ref)
        if verb == "delete":
            leaks += [f"{kind}: {things}" for kind, things in found.items()]
            leaks += ["the folder"] if (records / "projects" / self.ref).exists() else []
            leaks += [f"lease of {owner}" for owner in docker_eyes.leases() if owner.endswith(f"/{self.ref}")]
        else:
            counts = {kind: len(things) for kind, things in found.items()}
            expected = {"containers": 12, "volumes": 4, "networks": 1}
            leaks += [] if counts == expected else [f"{counts} instead of {expected}"]
            wanted = {"exited"} if verb == "pause" else {"running"}
            states = {one["State"]["Status"] for one in docker_eyes.containers(self.ref).values()}
            leaks += [] if states == wanted else [f"containers are {states}"]
        return leaks

    def _strays(self) -> Iterator[str]:
        """Processes and private folders of runs; a look at the host that is underway gets the time to end."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self._at_work():
            time.sleep(0.2)
        yield from self._at_work()

    def _at_work(self) -> list[str]:
        found = [" ".join(one.info["cmdline"][:4]) for one in self._descendants() if one.info["cmdline"]]
        owner = self.live.data_dir / "executor-name"
        name = owner.read_text().strip() if owner.exists() else "-"
        found += [str(path) for path in _SHARED_MEMORY.glob("supafleet-run-*") if name in path.name]
        return found

    def _descendants(self) -> list[psutil.Process]:
        """Processes of this service's runs, by the mark in their environment."""
        name = (self.live.data_dir / "executor-name").read_text().strip()
        found = []
        for process in psutil.process_iter(["cmdline"]):
            try:
                if name in process.environ().get("SUPAFLEET_RUN_OWNER", ""):
                    found.append(process)
            except psutil.Error:
                continue
        return found
