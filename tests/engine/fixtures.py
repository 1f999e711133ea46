"""Session fixtures of every test that needs the real engine. A `conftest.py` imports those that its tests ask for."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from supafleet.content import content_root
from supafleet.sandbox import content_digest, image_reference
from tests.engine.earlier_runs import swept_once

RELEASE = "2026.09"
SERVICES = [
    *("db", "kong", "auth", "rest", "realtime", "storage"),
    *("imgproxy", "meta", "functions", "analytics", "vector", "studio"),
]
# Building all images from nothing on two busy cores.
BUILD_SECONDS = 900


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[str]:
    """The version of the engine that the tests use, swept; a test never passes because there is none."""
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        pytest.fail(f"no Docker engine for the tests ({error}): run playbooks/host_prepare.yml first", pytrace=False)
    if done.returncode:
        said = (done.stderr.strip() or "no message").splitlines()[-1]
        pytest.fail(f"no Docker engine for the tests ({said}): run playbooks/host_prepare.yml first", pytrace=False)
    with swept_once():
        yield done.stdout.strip()


@pytest.fixture(scope="session")
def sandbox_images(docker_engine: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The image of each service of the sandbox flavour; built by its playbook when the engine lacks one."""
    digest = content_digest(content_root())
    images = {service: image_reference(service, RELEASE, digest) for service in SERVICES}
    if not _present(images):
        _build(tmp_path_factory.mktemp("sandbox-images"))
    if not _present(images):
        pytest.fail(f"playbooks/sandbox_images.yml ended well, and yet an image of {digest} is missing", pytrace=False)
    return images


@pytest.fixture(scope="session")
def namespace() -> Iterator[str]:
    """A word for the names of what a test session makes.

    Whatever carries the label `supafleet.test=<namespace>` is removed at the end: containers, networks and volumes.
    """
    word = f"supafleet-test-{uuid.uuid4().hex[:8]}"
    yield word
    removals = {
        "container": ["container", "rm", "--force", "--volumes"],
        "network": ["network", "rm"],
        "volume": ["volume", "rm", "--force"],
    }
    for kind, removal in removals.items():
        every = ["--all"] if kind == "container" else []
        listing = ["docker", kind, "ls", *every, "--quiet", "--filter", f"label=supafleet.test={word}"]
        found = subprocess.run(listing, capture_output=True, text=True, check=False).stdout.split()
        if found:
            subprocess.run(["docker", *removal, *found], capture_output=True, check=False)


def _present(images: dict[str, str]) -> bool:
    command = ["docker", "image", "inspect", *images.values()]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _build(folder: Path) -> None:
    inventory = folder / "supafleet.yml"
    inventory.write_text(
        yaml.safe_dump({"plugin": "supafleet", "docker_hosts": {"this-machine": {"connection": "local"}}})
    )
    root = content_root()
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("ansible-playbook")), "--inventory", str(inventory)),
            str(root / "playbooks" / "sandbox_images.yml"),
        ],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"playbooks/sandbox_images.yml failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}", pytrace=False)
