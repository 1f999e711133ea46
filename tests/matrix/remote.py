"""Cells in which the engine dies: on a Docker host in a container, where nothing restarts it but a person."""

import time
from datetime import UTC, datetime
from typing import Any

from tests.e2e.live_service import LiveService
from tests.fleet.docker_host_container import DockerHostContainer
from tests.matrix.cells import BEGINNINGS, GOALS, Cell
from tests.matrix.playing import AS_BEFORE, COMPLETED, PATIENCE_SECONDS, Blow, Stage, Verdict

#: What is told while the engine is away, when the run did not get through before.
FAILED = {
    "create": "INIT_FAILED",
    "pause": "PAUSE_FAILED",
    "resume": "RESTORE_FAILED",
    "restart": "ACTIVE_UNHEALTHY",
    "delete": "ACTIVE_UNHEALTHY",
}
#: What a person asks for when the engine is back.
_AGAIN = {"create": "restart"}


class RemoteStage(Stage):
    """A project on a host whose engine can be killed without harm to this machine."""

    def __init__(self, live: LiveService, host: DockerHostContainer) -> None:
        super().__init__(live, host="far-away", region="eu-north-1")
        self._host = host
        with live.client() as api:
            assert api.put("/fleet/hosts/far-away", json=host.as_row()).status_code in (200, 201)

    def play(self, cell: Cell) -> Verdict:
        """The verb fails with its own failed state; once the engine is back, asking again completes it."""
        self._bring_to(BEGINNINGS[cell.verb])
        began = time.monotonic()
        run = self._ask(cell.verb)
        blow = self._strike(cell, run)
        told = self._told(run)
        seconds = time.monotonic() - began
        self._host.prepare()
        is_through = told.split(" ")[0] == GOALS[cell.verb]
        repeated = self._repeat(cell.verb) if is_through else self._complete(cell.verb)
        state = GOALS[cell.verb] if is_through or told.split(" ")[0] == FAILED[cell.verb] else told
        killed = self._killed(cell, run, blow)
        return Verdict(cell, killed, state, seconds, self._leaks(cell.verb), repeated, detail=told)

    def _strike(self, cell: Cell, run: str) -> Blow:
        """Kill the engine at the phase."""
        if not self._reaches(run, cell.phase):
            return Blow(datetime.now(UTC))
        script = "pid=$(cat /run/docker.pid) && kill -9 $pid && rm -f /run/docker.pid && echo $pid"
        pid = self._host.exec("sh", "-c", script).stdout
        return Blow(datetime.now(UTC), (int(pid),))

    def _told(self, run: str) -> str:
        """The project's status when the run has ended."""
        with self.live.client() as api:
            self._wait_for_run(api, run)
            answer = api.get(f"/fleet/projects/{self.ref}")
        if answer.status_code == 404:
            return "gone"
        return " ".join(filter(None, [answer.json()["status"], answer.json()["status_reason"]]))

    def _complete(self, verb: str) -> str:
        run = self._ask(_AGAIN.get(verb, verb))
        if not run:
            return AS_BEFORE  # healing was quicker
        with self.live.client() as api:
            ended = self._wait_for_run(api, run)
        return COMPLETED if ended["status"] == "succeeded" else str(ended["explanation"])

    def _wait_for_run(self, api: Any, run: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            told: dict[str, Any] = api.get(f"/fleet/runs/{run}").json()
            if told["ended_at"] is not None:
                return told
            assert time.monotonic() < deadline, told
            time.sleep(0.2)

    def _leaks(self, verb: str) -> list[str]:
        """What is left over when no run is at work: once the engine is back, healing may begin at any moment."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            was_at_work = self._is_at_work()
            leaks = self._found(verb)
            if not leaks or time.monotonic() > deadline or not (was_at_work or self._is_at_work()):
                return leaks
            time.sleep(0.5)

    def _is_at_work(self) -> bool:
        with self.live.client() as api:
            return any(run["ended_at"] is None for run in api.get("/fleet/runs").json())

    def _found(self, verb: str) -> list[str]:
        label = f"label=supafleet.project={self.ref}"
        script = (
            f"docker ps -aq --filter {label} | wc -l; docker volume ls -q --filter {label} | wc -l; "
            f"docker network ls -q --filter {label} | wc -l; ls /var/lib/supafleet/locks | grep -c {self.ref}; true"
        )
        found = self._host.exec("sh", "-c", script).stdout.split()
        expected = ["0", "0", "0", "0"] if verb == "delete" else ["12", "4", "1", "0"]
        return [*self._strays(), *([] if found == expected else [f"{found} instead of {expected}"])]
