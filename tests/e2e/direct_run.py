"""Playbook runs as a person starts them, on an inventory of the test's own."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from supafleet.content import content_root
from tests.e2e import docker_eyes

PLAYBOOK_SECONDS = 300


class DirectRun:
    """An inventory folder and the playbooks."""

    def __init__(self, folder: Path, installation: str = "test-direct"):
        self.folder = folder
        self.installation = installation
        self.projects: dict[str, dict[str, Any]] = {}
        folder.mkdir(parents=True)

    def project(self, ref: str, number: int, **fields: Any) -> None:
        """Add or change a project; `number` picks its port and its subnet."""
        self.projects[ref] = {
            "host": "here",
            "flavour": "sandbox",
            "size": "micro",
            "gateway_port": 25200 + number,
            "subnet": f"10.222.{number}.0/24",
            **fields,
        }
        self._write()

    def _write(self) -> None:
        inventory = {
            "plugin": "supafleet",
            "installation": self.installation,
            "docker_hosts": {"here": {"connection": "local"}},
            "projects": self.projects,
        }
        (self.folder / "supafleet.yml").write_text(yaml.safe_dump(inventory))

    def play(
        self, verb: str, *words: str, limit: str | None = None, expect_failure: bool = False, root: Path | None = None
    ) -> str:
        """Output of `ansible-playbook project_<verb>.yml`."""
        root = root or content_root()
        program = Path(sys.executable).with_name("ansible-playbook")
        command = [str(program), "-i", str(self.folder), str(root / "playbooks" / f"{verb}.yml"), *words]
        command += ["--limit", limit] if limit else []
        environment = {**os.environ, "ANSIBLE_CONFIG": str(root / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        answer = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PLAYBOOK_SECONDS, check=False
        )
        output = answer.stdout + answer.stderr
        assert expect_failure or answer.returncode == 0, output
        assert not expect_failure or answer.returncode != 0, output
        return output

    def create(self, ref: str, **options: Any) -> str:
        return self.play("project_create", limit=ref, **options)

    def delete_all(self) -> None:
        for ref in self.projects:
            self.play("project_delete", limit=ref)
            assert docker_eyes.leftovers(ref) == {}

    def secrets(self, ref: str) -> dict[str, str]:
        text = (self.folder / "host_vars" / ref / "secrets.yml").read_text()
        return dict(yaml.safe_load(text)["supafleet_project_secrets"])


def changed_count(output: str, host: str) -> int:
    """How many tasks the recap calls changed."""
    found = re.search(rf"^{re.escape(host)}\s*:.*changed=(\d+)", output, re.MULTILINE)
    assert found, output
    return int(found.group(1))
