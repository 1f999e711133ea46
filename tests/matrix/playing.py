"""Playing a cell: ask for the verb, kill at the phase, and see with Docker's eyes what it ends in and leaves."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.e2e import docker_eyes
from tests.e2e.live_service import LiveService
from tests.matrix.cells import BEGINNINGS, GOALS, Cell
from tests.matrix.cluster import ClusterService

#: A killed process is noticed and its run taken up in this time; one more converge follows.
NOTICE_SECONDS, CONVERGE_SECONDS = 60.0, 90.0
PATIENCE_SECONDS = NOTICE_SECONDS + CONVERGE_SECONDS + 60
_PHASE_SECONDS = 90.0
#: A phase may begin before its victim is there: Compose starts the first container a moment after the watch began.
_VICTIM_SECONDS = 10.0
_CHANCES = 3
_SHARED_MEMORY = Path("/dev/shm")
#: What asking again came to, when it is right.
AS_BEFORE, COMPLETED = "no-op", "completes"


@dataclass
class Verdict:
    """How a cell ended; `killed` counts what died within the phase."""

    cell: Cell
    killed: int
    state: str
    seconds: float
    leaks: list[str]
    repeated: str
    detail: str = ""

    @property
    def is_reached(self) -> bool:
        return self.killed > 0

    @property
    def is_right(self) -> bool:
        in_time = self.seconds <= NOTICE_SECONDS + CONVERGE_SECONDS
        is_state_right = self.state == GOALS[self.cell.verb] and not self.leaks
        return self.is_reached and is_state_right and self.repeated in (AS_BEFORE, COMPLETED) and in_time


@dataclass(frozen=True)
class Blow:
    """Who died and when; nobody, when the run was through before or there was nobody to kill."""

    at: datetime
    pids: tuple[int, ...] = ()


class Stage:
    """A service, and the project that lives through the cells."""

    def __init__(self, live: LiveService, **where: str) -> None:
        self.live = live
        self.ref = ""
        self._name = ""
        self._where = where

    def play_until_reached(self, cell: Cell) -> Verdict:
        """Play one cell; a phase that was over before its victim was found gets more chances."""
        for _ in range(_CHANCES):
            verdict = self.play(cell)
            if verdict.is_reached:
                break
        return verdict

    def play(self, cell: Cell) -> Verdict:
        """Play one cell; the project is afterwards where the verb leads."""
        self._bring_to(BEGINNINGS[cell.verb])
        began = time.monotonic()
        run = self._ask(cell.verb)
        blow = self._strike(cell, run)
        state = self._settle(run)
        seconds = time.monotonic() - began
        leaks = self._leaks(cell.verb)
        return Verdict(cell, self._killed(cell, run, blow), state, seconds, leaks, self._repeat(cell.verb))

    def _bring_to(self, beginning: str) -> None:
        """Make the project what the verb begins with; one that an earlier cell left in another state goes first."""
        ways = {("gone", GOALS["create"]): "create", ("gone", GOALS["pause"]): "create"}
        ways |= {(GOALS["create"], GOALS["pause"]): "pause", (GOALS["pause"], GOALS["resume"]): "resume"}
        for _ in range(4):
            status = self._status()
            if status == beginning:
                return
            self._settle(self._ask(ways.get((status, beginning), "delete")))
        raise AssertionError(f"{self.ref} is {self._status()} and cannot be brought to {beginning}")

    def _status(self) -> str:
        if not self.ref:
            return "gone"
        with self.live.client() as api:
            answer = api.get(f"/fleet/projects/{self.ref}")
        return "gone" if answer.status_code == httpx.codes.NOT_FOUND else str(answer.json()["status"])

    def _ask(self, verb: str) -> str:
        """Id of the run that was asked for; empty when there is nothing to do."""
        if verb == "create":
            self._name = f"Matrix {time.monotonic_ns()}"
            self.ref = self.live.create(self._name, **self._where)
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

    def _strike(self, cell: Cell, run: str) -> Blow:
        """Kill at the phase."""
        if not self._reaches(run, cell.phase):
            return Blow(datetime.now(UTC))
        blow = self._kill(cell.victim, run)
        if cell.victim == "service":
            self.live.stop(signal.SIGKILL)
            self.live.start()
        if isinstance(self.live, ClusterService):
            self.live.replace_workers(blow.pids)
        return blow

    def _reaches(self, run: str, phase: str) -> bool:
        """Whether the run entered the phase; a run may be through before anybody looked."""
        deadline = time.monotonic() + _PHASE_SECONDS
        with self.live.client() as api:
            while time.monotonic() < deadline:
                told = api.get(f"/fleet/runs/{run}").json()
                if told["ended_at"] is not None:
                    return False
                if phase in {one["name"] for one in told["phases"]}:
                    return True
                time.sleep(0.005)
        raise AssertionError(f"run {run} never came to {phase}")

    def _kill(self, victim: str, run: str) -> Blow:
        deadline = time.monotonic() + _VICTIM_SECONDS
        while not (pids := self._pids(victim, run)) and time.monotonic() < deadline:
            time.sleep(0.02)
        at, dead = datetime.now(UTC), []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                dead.append(pid)
        return Blow(at, tuple(dead))

    def _pids(self, victim: str, run: str) -> list[int]:
        """Whom to kill."""
        if victim == "service":
            assert self.live.process is not None
            return [self.live.process.pid]
        if victim == "worker":
            assert isinstance(self.live, ClusterService)
            return self.live.workers_of(run)
        if victim == "container":
            return [one["State"]["Pid"] for one in docker_eyes.containers(self.ref).values() if one["State"]["Pid"]][:1]
        word = "supafleet.runner.child" if victim == "child" else "ansible-playbook"
        of_run = self._marked("SUPAFLEET_RUN_ID", run)
        return [process.pid for process in of_run if any(word in part for part in process.info["cmdline"] or [])]

    def _killed(self, cell: Cell, run: str, blow: Blow) -> int:
        """How many died within the phase: not in a later one, and not when the run had ended."""
        with self.live.client() as api:
            told: dict[str, Any] = api.get(f"/fleet/runs/{run}").json()
        begins = {one["name"]: datetime.fromisoformat(one["started_at"]) for one in told["phases"]}
        if cell.phase not in begins:
            return 0
        later = [at for at in begins.values() if at > begins[cell.phase]]
        left_at = min([*later, datetime.fromisoformat(told["ended_at"])])
        return len(blow.pids) if blow.at < left_at else 0

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
        """Ask the same once more: it changes nothing, or, for a restart, which is wanted each time, it completes."""
        if verb == "create":
            return self._create_again()
        if verb == "restart":
            run = self._ask("restart")
            state = self._settle(run)
            return COMPLETED if state == GOALS["restart"] and self._ended_well(run) else state
        with self.live.client() as api:
            if verb == "delete":
                return AS_BEFORE if api.delete(f"/v1/projects/{self.ref}").status_code == 404 else "not gone"
            answer = api.post(f"/fleet/projects/{self.ref}/{verb}")
        return AS_BEFORE if (answer.status_code, answer.json()) == (200, None) else answer.text

    def _create_again(self) -> str:
        """A second project of this name is refused, and the first one is not touched."""
        runs, name = [run["id"] for run in self.live.runs(self.ref)], self._name
        try:
            other = self.live.create(name, **self._where)
        except AssertionError as refusal:
            is_refused = "already has a project named" in str(refusal)
            is_same = [run["id"] for run in self.live.runs(self.ref)] == runs
            return AS_BEFORE if is_refused and is_same else f"{refusal}, and its runs were {runs}"
        return f"a second project, {other}"

    def _ended_well(self, run: str) -> bool:
        with self.live.client() as api:
            return bool(api.get(f"/fleet/runs/{run}").json()["status"] == "succeeded")

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
        """Processes of this service's runs and their private folders, which are known by the owner they name."""
        name = (self.live.data_dir / "executor-name").read_text().strip()
        processes = self._marked("SUPAFLEET_RUN_OWNER", name)
        found = [" ".join(one.info["cmdline"][:4]) for one in processes if one.info["cmdline"]]
        for file in _SHARED_MEMORY.glob("supafleet-run-*/owner.json"):
            with contextlib.suppress(FileNotFoundError, ValueError):  # it goes, or comes, while we look
                if json.loads(file.read_text())["owner"].startswith(name):
                    found.append(str(file.parent))
        return found

    def _marked(self, mark: str, beginning: str) -> list[psutil.Process]:
        """Processes in whose environment a mark begins so."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            with contextlib.suppress(psutil.Error):
                if process.environ().get(mark, "").startswith(beginning):
                    found.append(process)
        return found
