"""A bare machine becomes a Docker host over SSH, seen from outside the role."""

import json
import re
import secrets
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.conftest import SUITES
from tests.fleet.docker_host_container import ROOT, DockerHostContainer
from tests.fleet.preparation import Preparation

pytestmark = pytest.mark.docker

CONFIGURATION = "/etc/docker/daemon.json"
MARK = "/etc/docker/installed-by-supafleet"


@pytest.fixture(params=SUITES)
def preparation(request: pytest.FixtureRequest, preparations: dict[str, Preparation]) -> Preparation:
    return preparations[request.param]


def changed(run: subprocess.CompletedProcess[str]) -> int:
    """How many tasks of a run changed something; the run must have succeeded."""
    assert run.returncode == 0, run.stdout + run.stderr
    found = re.search(r"ok=\d+ +changed=(\d+) +unreachable=0 +failed=0", run.stdout)
    assert found, run.stdout
    return int(found[1])


def words(run: subprocess.CompletedProcess[str]) -> str:
    """What a run said, free of the line breaks of its layout."""
    return " ".join(run.stdout.split())


def test_check_mode_says_what_a_run_would_do(preparation: Preparation) -> None:
    assert changed(preparation.predicted) == 1
    said = words(preparation.predicted)
    for part in ("docker.io", "iptables", "python3-requests", "debootstrap", "Compose plugin", "started engine"):
        assert part.replace("Compose plugin", "ompose") in said
    assert "the folder /var/lib/supafleet" in said


def test_a_bare_machine_is_prepared_with_a_broken_python_first_in_path(preparation: Preparation) -> None:
    assert changed(preparation.first) > 0
    assert preparation.host.exec("python3", "--version", check=False).returncode == 1
    assert "is ready: Docker engine" in words(preparation.first)


def test_the_second_run_changes_nothing(preparation: Preparation) -> None:
    assert changed(preparation.second) == 0


def test_engine_and_compose_answer(preparation: Preparation) -> None:
    engine = preparation.host.exec("docker", "version", "--format", "{{.Server.Version}}").stdout
    compose = preparation.host.exec("docker", "compose", "version", "--short").stdout
    assert tuple(map(int, re.findall(r"\d+", engine)[:2])) >= (20, 10)
    assert tuple(map(int, re.findall(r"\d+", compose)[:2])) >= (2, 20)
    preparation.host.exec("/usr/bin/python3", "-c", "import requests")
    preparation.host.exec("debootstrap", "--version")


def test_the_data_root_is_private(preparation: Preparation) -> None:
    assert preparation.host.exec("stat", "--format", "%a %U", "/var/lib/supafleet").stdout == "700 root\n"


def test_networks_without_a_subnet_come_from_the_pools(preparation: Preparation) -> None:
    host, name = preparation.host, f"pool-{secrets.token_hex(3)}"
    host.exec("docker", "network", "create", name)
    try:
        template = "{{(index .IPAM.Config 0).Subnet}}"
        assert host.exec("docker", "network", "inspect", "--format", template, name).stdout.startswith("10.214.")
    finally:
        host.exec("docker", "network", "rm", name)


def test_bookworm_gets_the_plugin_alone_and_stays_bookworm(bookworm: Preparation) -> None:
    host = bookworm.host
    assert host.exec("test", "-x", "/usr/local/lib/docker/cli-plugins/docker-compose").returncode == 0
    assert host.exec("dpkg-query", "--show", "docker-compose", check=False).returncode == 1
    assert "trixie" not in host.exec("sh", "-c", "cat /etc/apt/sources.list /etc/apt/sources.list.d/* || :").stdout
    assert "trixie" not in host.exec("ls", "/var/lib/apt/lists").stdout


def test_beside_a_foreign_engine_the_plugin_alone_is_placed(trixie: Preparation) -> None:
    script = (ROOT / "roles" / "docker_host" / "files" / "compose_plugin.sh").read_text()
    trixie.host.exec("sh", "-s", "docker-compose", "", "/opt/plugin/docker-compose", stdin=script)
    assert "2." in trixie.host.exec("/opt/plugin/docker-compose", "version", "--short").stdout
    trixie.host.exec("rm", "-r", "/opt/plugin")


@pytest.fixture
def tiny_image(tmp_path: Path) -> Iterator[str]:
    """An image of this machine's engine that holds one static program."""
    archive, tag = tmp_path / "root.tar", f"supafleet-test-tiny:{secrets.token_hex(4)}"
    with tarfile.open(archive, "w") as tar:
        tar.add("/sbin/ldconfig", "ldconfig", recursive=False)
    subprocess.run(["docker", "import", "--change", 'CMD ["/ldconfig", "--version"]', str(archive), tag], check=True)
    yield tag
    subprocess.run(["docker", "image", "rm", "--force", tag], check=True, capture_output=True)


def test_images_are_loaded_and_containers_run(preparation: Preparation, tiny_image: str) -> None:
    host = preparation.host
    host.load_images([tiny_image])
    host.load_images([tiny_image])
    limits = ["--memory", "64m", "--cpus", "0.5", "--pids-limit", "50"]
    try:
        assert "ldconfig" in host.exec("docker", "run", "--rm", *limits, tiny_image).stdout
    finally:
        host.exec("docker", "image", "rm", "--force", tiny_image)


def test_a_host_that_was_switched_off_is_started_again(trixie: Preparation) -> None:
    host = trixie.host
    host.restart()
    assert host.exec("docker", "version", check=False).returncode != 0
    # What a power failure leaves on a machine that keeps /run: a number which is another process by now.
    host.exec("sh", "-c", "echo 1 > /run/docker.pid")
    assert changed(host.playbook("host_prepare")) == 1
    assert host.exec("docker", "version").returncode == 0
    assert changed(host.playbook("host_prepare")) == 0


@pytest.fixture
def configuration_kept(trixie: Preparation) -> Iterator[DockerHostContainer]:
    """The trixie host, whose engine's configuration and mark are put back afterwards."""
    host = trixie.host
    before = host.exec("cat", CONFIGURATION).stdout
    yield host
    host.exec("install", "--mode=0644", "/dev/stdin", CONFIGURATION, stdin=before)
    host.exec("touch", MARK)


def test_pools_are_added_to_what_the_administrator_wrote(configuration_kept: DockerHostContainer) -> None:
    host = configuration_kept
    host.exec("install", "--mode=0644", "/dev/stdin", CONFIGURATION, stdin='{"log-level": "warn"}')
    assert changed(host.playbook("host_prepare")) > 0
    assert json.loads(host.exec("cat", CONFIGURATION).stdout) == {
        "log-level": "warn",
        "default-address-pools": [{"base": "10.214.0.0/16", "size": 24}],
    }
    assert changed(host.playbook("host_prepare")) == 0


def test_a_foreign_engine_is_never_reconfigured(configuration_kept: DockerHostContainer) -> None:
    host = configuration_kept
    host.exec("rm", MARK)
    host.exec("install", "--mode=0644", "/dev/stdin", CONFIGURATION, stdin='{"log-level": "warn"}')
    engine = host.exec("cat", "/run/docker.pid").stdout
    assert changed(host.playbook("host_prepare")) == 0
    assert host.exec("cat", CONFIGURATION).stdout == '{"log-level": "warn"}'
    assert host.exec("cat", "/run/docker.pid").stdout == engine


def test_an_engine_that_does_not_start_is_explained_with_its_last_words(
    configuration_kept: DockerHostContainer,
) -> None:
    host = configuration_kept
    host.restart()
    host.exec("rm", MARK)
    host.exec("install", "--mode=0644", "/dev/stdin", CONFIGURATION, stdin='{"no-such-option": 1}')
    failed = host.playbook("host_prepare")
    assert failed.returncode == 2
    assert "could not be prepared" in words(failed)
    assert "no-such-option" in words(failed)
    # Whoever puts that right runs the same playbook again.
    host.exec("install", "--mode=0644", "/dev/stdin", CONFIGURATION, stdin="{}")
    assert changed(host.playbook("host_prepare")) == 1


def test_an_engine_that_is_too_old_is_refused_in_one_sentence(trixie: Preparation) -> None:
    refused = trixie.host.playbook("host_prepare", "--extra-vars", "docker_host_minimum_engine=99.1")
    assert refused.returncode == 2
    assert "and 99.1 or later is needed: upgrade it" in words(refused)


def test_a_compose_that_is_too_old_is_refused_in_one_sentence(trixie: Preparation) -> None:
    refused = trixie.host.playbook("host_prepare", "--extra-vars", "docker_host_minimum_compose=99.1")
    assert refused.returncode == 2
    assert "and 99.1 or later is needed: upgrade it" in words(refused)
