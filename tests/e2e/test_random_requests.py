"""Clients who create, pause, resume and delete at random: one run of a project at a time, and every state is true."""

import os
import random
import threading
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.e2e import docker_eyes
from tests.e2e.live_service import LiveService

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]

CLIENTS, REQUESTS_EACH, MOST_PROJECTS = 4, 5, 6
PATIENCE_SECONDS = 600
# Six projects on two cores: their health checks alone would fill one.
DENSE = {"health_interval": 15}
# Three looks at the host.
LOOKS_SECONDS = 100


@pytest.fixture
def live(sandbox_images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    with LiveService(tmp_path_factory.mktemp("service"), "random", (25580, 25599), "10.229.0.0/16") as service:
        yield service


class Crowd:
    """The clients, what they asked for, and a watcher of the machine's own processes."""

    def __init__(self, live: LiveService, seed: int) -> None:
        self._live = live
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self.seed = seed
        self.refs: list[str] = []
        self.answers: list[tuple[str, int]] = []
        self.doubles: list[str] = []

    def play(self) -> None:
        watcher = threading.Thread(target=self._watch)
        watcher.start()
        clients = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        self._wait_for_the_end()
        self._is_over.set()
        watcher.join()

    def _ask(self, number: int) -> None:
        dice = random.Random(self.seed + number)  # noqa: S311 - it guards nothing
        for _ in range(REQUESTS_EACH):
            verb = dice.choice(["create", "pause", "resume", "delete"])
            with self._lock:
                is_full = len(self.refs) >= MOST_PROJECTS
                if (verb == "create" and not is_full) or not self.refs:
                    self.refs.append(self._live.create(f"Random {number} {time.monotonic_ns()}", settings=DENSE))
                    self.answers.append(("create", 201))
                    continue
                ref = dice.choice(self.refs)
            with self._live.client() as api:
                if verb == "delete":
                    status = api.delete(f"/v1/projects/{ref}").status_code
                else:
                    status = api.post(f"/fleet/projects/{ref}/{'resume' if verb == 'create' else verb}").status_code
            with self._lock:
                self.answers.append((verb, status))
            time.sleep(dice.uniform(0, 6))

    def _watch(self) -> None:
        """No two playbooks that change a project at once, by what the machine runs."""
        while not self._is_over.wait(0.2):
            at_work: dict[str, int] = {}
            for process in psutil.process_iter(["cmdline", "ppid"]):
                words = process.info["cmdline"] or []
                parent = psutil.pid_exists(process.info["ppid"]) and _words_of(process.info["ppid"])
                is_main = any(word.endswith("ansible-playbook") for word in words) and "child" in str(parent)
                changes = any("project_" in word and "observe" not in word for word in words)
                for ref in self.refs if is_main and changes else []:
                    at_work[ref] = at_work.get(ref, 0) + (ref in words)
            self.doubles += [ref for ref, count in at_work.items() if count > 1]

    def _wait_for_the_end(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._live.client() as api:
            while True:
                unfinished = [run for run in api.get("/fleet/runs").json() if run["ended_at"] is None]
                if not unfinished:
                    return
                assert time.monotonic() < deadline, unfinished
                time.sleep(0.5)


def _words_of(pid: int) -> list[str]:
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def test_random_requests_end_in_true_states(live: LiveService) -> None:
    crowd = Crowd(live, int(os.environ.get("SEED", random.SystemRandom().randrange(10_000))))
    print(f"seed {crowd.seed}: SEED={crowd.seed} plays the same dice again")
    crowd.play()
    assert len(crowd.answers) == CLIENTS * REQUESTS_EACH
    assert {status for _, status in crowd.answers} <= {200, 201, 404, 409}, crowd.answers
    assert crowd.doubles == []
    deadline = time.monotonic() + LOOKS_SECONDS
    while (untrue := untrue_states(live, crowd.refs)) and time.monotonic() < deadline:
        time.sleep(1)
    assert untrue == {}


def untrue_states(live: LiveService, refs: list[str]) -> dict[str, str]:
    """What the service says and Docker does not, by ref. A busy host may fail one check: the next look sees that."""
    with live.client() as api:
        told = {one["ref"]: one for one in api.get("/fleet/projects").json()}
    untrue = {}
    for ref in refs:
        if ref not in told:
            docker_eyes.assert_nothing_is_left(ref)
            continue
        status, reason = told[ref]["status"], told[ref]["status_reason"]
        states = [one["State"]["Status"] for one in docker_eyes.containers(ref).values()]
        is_well = status == "ACTIVE_HEALTHY" and set(docker_eyes.health(ref).values()) == {"healthy"}
        if not (is_well or (status == "INACTIVE" and set(states) == {"exited"})) or len(states) != 12:
            untrue[ref] = f"{status} ({reason}), containers {states}"
    return untrue
