"""A converge with nothing to do against a playbook with one docker_compose_v2 task on the same folder, in turns."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from benchmarks.commands import program, run
from benchmarks.figures import Figure, Results, ratios
from benchmarks.namespace import CONVERGE_PORT, CONVERGE_REF, CONVERGE_SUBNET, INSTALLATION, undisturbed
from supafleet.content import content_root

_GROUP = "converge"
RATIO_BOUND = 2.5
# One run id for all: a playbook that was cut off does not keep its successors from the project.
_RUN = {"supafleet_run": {"id": "benchmark", "kind": "project_create", "actor": "benchmark", "driver": "playbook"}}
_ONE_TASK = [
    {
        "name": "Bring up the project with one task",
        "hosts": "projects",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Bring up the services",
                "community.docker.docker_compose_v2": {
                    "project_src": "{{ project.root }}",
                    "project_name": "{{ project.ref }}",
                    "files": ["compose.yml"],
                    "state": "present",
                },
            }
        ],
    }
]


class Inventory:
    """A folder with one project, and playbooks run on it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.one_task = folder.with_name("one_task.yml")
        folder.mkdir(mode=0o700)
        project = {
            "host": "here",
            "flavour": "sandbox",
            "size": "micro",
            "gateway_port": CONVERGE_PORT,
            "subnet": CONVERGE_SUBNET,
        }
        inventory = {
            "plugin": "supafleet",
            "installation": INSTALLATION,
            "docker_hosts": {"here": {"connection": "local"}},
            "projects": {CONVERGE_REF: project},
        }
        (folder / "supafleet.yml").write_text(yaml.safe_dump(inventory))
        self.one_task.write_text(yaml.safe_dump(_ONE_TASK))

    def play(self, playbook: Path | str) -> tuple[float, str]:
        """Seconds and output of a playbook, given by path or by the name of one of ours."""
        root = content_root()
        path = playbook if isinstance(playbook, Path) else root / "playbooks" / f"{playbook}.yml"
        words = [program("ansible-playbook"), "-i", str(self._folder), str(path), "--limit", CONVERGE_REF]
        environment = {"ANSIBLE_CONFIG": str(root / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        began = time.monotonic()
        output = run([*words, "--extra-vars", json.dumps(_RUN)], environment=environment)
        return time.monotonic() - began, output


@contextlib.contextmanager
def converged_project(folder: Path) -> Iterator[Inventory]:
    """A project made by the playbook; it is deleted afterwards."""
    inventory = Inventory(folder)
    try:
        inventory.play("project_create")
        yield inventory
    finally:
        with undisturbed():
            inventory.play("project_delete")


def measure_converge(inventory: Inventory, rounds: int, say: Callable[[str], None], results: Results) -> None:
    """Ours, theirs, ours, theirs, on one running project."""
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(1, rounds + 1):
        ours.append(_unchanged(*inventory.play("project_create")))
        theirs.append(_unchanged(*inventory.play(inventory.one_task)))
        say(f"converge {number}/{rounds}: ours {ours[-1]:.2f} s, one task {theirs[-1]:.2f} s")
    results.figures += [
        Figure(_GROUP, "project_create.yml with nothing to do", "s", ours),
        Figure(_GROUP, "playbook with one docker_compose_v2 task", "s", theirs),
        Figure(_GROUP, "ratio", "x", ratios(ours, theirs), RATIO_BOUND),
    ]


def _unchanged(seconds: float, output: str) -> float:
    if not re.search(rf"^{CONVERGE_REF}\s*:.*changed=0 ", output, re.MULTILINE):
        raise RuntimeError(f"a converge with nothing to do changed something:\n{output[-3000:]}")
    return seconds
