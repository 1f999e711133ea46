"""The same project by Docker Compose alone: the same files, images, network and volumes, and no Supafleet at work."""

import contextlib
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.commands import docker, program, run
from benchmarks.namespace import INSTALLATION, TWIN_PORT, TWIN_REF, TWIN_SUBNET, undisturbed
from supafleet.content import content_root
from supafleet.keys import generate_project_secrets
from supafleet.stack.render import RenderedProject, render_project


class Twin:
    """A rendered folder with the objects that it expects."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rendered = _render(folder)

    def measure(self) -> float:
        """Seconds of `docker compose up -d --wait` from nothing."""
        self._provide()
        try:
            began = time.monotonic()
            run(["docker", "compose", "up", "--detach", "--wait"], folder=self._folder)
            return time.monotonic() - began
        finally:
            with undisturbed():
                self.remove()

    def remove(self) -> None:
        """Remove containers, volumes, network and folder; nothing happens when they are gone."""
        if (self._folder / "compose.yml").exists():
            words = ["docker", "compose", "down", "--volumes", "--timeout", "0"]
            run(words, folder=self._folder, may_fail=True)
        docker("volume", "rm", "--force", *(volume["name"] for volume in self._rendered.volumes), may_fail=True)
        docker("network", "rm", self._rendered.network["name"], may_fail=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _provide(self) -> None:
        self._folder.mkdir(mode=0o700)
        for name in self._rendered.directories:
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        for name, file in self._rendered.files.items():
            path = self._folder / name
            path.touch(mode=0o600)
            path.write_text(file.content)
            path.chmod(int(file.mode, 8))
        network = self._rendered.network
        addresses = [
            f"--subnet={network['subnet']}",
            f"--ip-range={network['ip_range']}",
            f"--gateway={network['gateway']}",
        ]
        docker("network", "create", *addresses, *_labels(network), network["name"])
        for volume in self._rendered.volumes:
            docker("volume", "create", *_labels(volume), volume["name"])


@contextlib.contextmanager
def compose_twin(folder: Path) -> Iterator[Twin]:
    """A twin; nothing of it is left afterwards."""
    twin = Twin(folder)
    try:
        yield twin
    finally:
        with undisturbed():
            twin.remove()


def _labels(thing: dict[str, Any]) -> list[str]:
    return [f"--label={name}={value}" for name, value in thing["labels"].items()]


def _render(folder: Path) -> RenderedProject:
    project = {
        "ref": TWIN_REF,
        "name": "Benchmark twin",
        "organization_name": "Benchmark",
        "installation": INSTALLATION,
        "release": "2026.09",
        "flavour": "sandbox",
        "size": "micro",
        "gateway_port": TWIN_PORT,
        "subnet": TWIN_SUBNET,
        "root": str(folder),
    }
    return render_project(project, generate_project_secrets(), _engine_facts(), content_root())


def _engine_facts() -> dict[str, Any]:
    """What our own playbooks see of the engine: the files must be the same as theirs."""
    words = [program("ansible"), "all", "-i", "localhost,", "--connection", "local", "--one-line"]
    words += ["--extra-vars", json.dumps({"ansible_python_interpreter": sys.executable}), "--module-name"]
    environment = {"ANSIBLE_CONFIG": str(content_root() / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    answer = run([*words, "docker_observation"], environment=environment)
    return dict(json.loads(answer.partition("=>")[2])["engine"])
