"""The scenario of Molecule, as a person runs it from the checkout."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.fleet.docker_host_container import ROOT, remove_host

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1800)]

PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def no_server_is_left() -> Iterator[None]:
    """Of the scenario's servers nothing is left, also when the run is killed."""
    yield
    said = yaml.safe_load((ROOT / "molecule" / "default" / "molecule.yml").read_text())
    for platform in said["platforms"]:
        remove_host(platform["name"])


@pytest.mark.usefixtures("no_server_is_left")
def test_molecule_makes_a_bare_server_a_docker_host(tmp_path_factory: pytest.TempPathFactory) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "MOLECULE_"))}
    # A short path, for SSH's sockets lie below it.
    home = tmp_path_factory.mktemp("m")
    environment = {**own, "PATH": f"{PROGRAMS}:{own['PATH']}", "ANSIBLE_HOME": str(home), "NO_COLOR": "1"}
    run = subprocess.run(
        [str(PROGRAMS / "molecule"), "test"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1700,
        check=False,
    )
    output = run.stdout + run.stderr
    assert run.returncode == 0, output[-8000:]
    for step in ("check", "converge", "idempotence", "verify"):
        assert f"{step}: Executed: Successful" in output
