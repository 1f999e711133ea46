"""A Docker host in a container: a bare Debian server with sshd, which runs an engine of its own once it is prepared.

with docker_host_container(tmp_path) as host:
    host.prepare()                       # playbooks/host_prepare.yml over SSH
    host.load_images(["some/image:1"])
    host.exec("docker", "ps")
"""

import io
import os
import secrets
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.fleet.bare_image import USER, USER_ID, bare_image

ROOT = Path(__file__).resolve().parents[2]

NAME = "supafleet-test-host"
LABEL = "supafleet.test=host"

# What an engine inside needs. Not --privileged, which an engine that itself lacks CAP_SYS_RESOURCE refuses.
_RIGHTS = [
    *("--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE"),
    *("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined"),
    *("--security-opt", "systempaths=unconfined"),
    *("--cgroupns", "host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"),
]


class DockerHostError(RuntimeError):
    """A Docker host in a container did not come up or a command in it failed."""


@dataclass(frozen=True)
class DockerHostContainer:
    """One running host, and how to reach it over SSH."""

    name: str
    address: str
    port: int
    user: str
    key: Path
    known_hosts: Path
    folder: Path

    def as_row(self) -> dict[str, Any]:
        """What a service is told of it: the body of `PUT /fleet/hosts/<name>`."""
        return {
            "connection": "ssh", "address": self.address, "ssh_port": self.port, "ssh_user": self.user,
            "private_key_file": str(self.key), "known_hosts_file": str(self.known_hosts),
            "bind_address": self.address, "public_address": self.address,
            "regions": ["eu-north-1"], "subnet_pool": "10.231.0.0/16",
        }  # fmt: skip

    def exec(
        self, *command: str, check: bool = True, stdin: str | None = None, timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the host, not over SSH, so that a test's eyes do not depend on what it tests."""
        whole = ["docker", "exec", "--interactive", self.name, *command]
        done = subprocess.run(whole, input=stdin or "", capture_output=True, text=True, check=False, timeout=timeout)
        if check and done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise DockerHostError(f"`{' '.join(command)}` failed in {self.name}: {said}")
        return done

    def load_images(self, images: Sequence[str]) -> None:
        """Copy images from this machine's engine into the host's; those that it has already are left out."""
        absent = [image for image in images if self._image_id(image) != _image_id(image)]
        if not absent:
            return
        saved = subprocess.Popen(["docker", "save", *absent], stdout=subprocess.PIPE)
        command = ["docker", "exec", "--interactive", self.name, "docker", "load", "--quiet"]
        loaded = subprocess.run(command, stdin=saved.stdout, capture_output=True, text=True, check=False)
        if saved.wait() or loaded.returncode:
            raise DockerHostError(f"the images {', '.join(absent)} did not reach {self.name}: {loaded.stderr.strip()}")

    def docker_hosts_entry(self, **more: Any) -> dict[str, Any]:
        """This host as an entry under `docker_hosts` in a project's own inventory file."""
        return {
            "connection": "ssh",
            "address": self.address,
            "port": self.port,
            "user": self.user,
            "private_key_file": str(self.key),
            "known_hosts_file": str(self.known_hosts),
            "bind_address": self.address,
            "public_address": self.address,
            **more,
        }

    def inventory(self, projects: Mapping[str, Any] | None = None, user: str = "root") -> Path:
        """An inventory file with this host alone, and the projects on it."""
        path = self.folder / "supafleet.yml"
        content = {
            "plugin": "supafleet",
            "installation": "test-fleet",
            "docker_hosts": {self.name: self.docker_hosts_entry(user=user)},
        }
        path.write_text(yaml.safe_dump({**content, "projects": dict(projects or {})}))
        return path

    def playbook(
        self,
        name: str,
        *arguments: str,
        projects: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        user: str = "root",
        timeout: float = 600,
    ) -> subprocess.CompletedProcess[str]:
        """Run one of our playbooks on this host over SSH and return what it printed, whatever its exit code."""
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(self.inventory(projects, user))]
        command += [str(ROOT / "playbooks" / f"{name}.yml"), *arguments]
        settings = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **settings, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def prepare(self) -> None:
        """Make the bare host a Docker host with `playbooks/host_prepare.yml`."""
        done = self.playbook("host_prepare")
        if done.returncode:
            raise DockerHostError(f"host_prepare failed on {self.name}:\n{done.stdout}\n{done.stderr}")

    def restart(self) -> None:
        """Switch the host off and on again: its processes and everything in /run are gone, its disk stays."""
        _remove_containers(self.name)
        _docker("restart", "--time", "2", self.name)
        _await_sshd(self.name, self.address, self.port)

    def _image_id(self, image: str) -> str:
        return self.exec("docker", "image", "inspect", "--format", "{{.Id}}", image, check=False).stdout.strip()


@contextmanager
def docker_host_container(folder: Path, suite: str = "trixie") -> Iterator[DockerHostContainer]:
    """A bare host for as long as the block lasts; all of it is removed at the end."""
    name = f"{NAME}-{secrets.token_hex(4)}"
    try:
        yield start_host(folder, name, suite)
    finally:
        remove_host(name)


def start_host(folder: Path, name: str, suite: str = "trixie") -> DockerHostContainer:
    """Start a bare host of a Debian suite, with keys made for it in `folder`.

    Its address is the container's own on the engine's default bridge, so it is reached from this machine only.
    """
    image = bare_image(suite)
    key, host_key = folder / f"{name}.key", folder / f"{name}.hostkey"
    for path in (key, host_key):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)], check=True)

    _docker("volume", "create", "--label", LABEL, _volume(name))
    identity = ["--name", name, "--hostname", name, "--label", LABEL]
    storage = ["--volume", f"{_volume(name)}:/var/lib/docker", "--tmpfs", "/run:exec,mode=755"]
    _docker("create", "--init", *identity, *_RIGHTS, *storage, image)
    _docker("cp", "--archive", "-", f"{name}:/", stdin=_furnishing(key, host_key))
    _docker("start", name)
    address = _docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", name).strip()
    known_hosts = folder / f"{name}.known_hosts"
    known_hosts.write_text(f"{address} {host_key.with_suffix('.hostkey.pub').read_text()}")
    _await_sshd(name, address, 22)
    return DockerHostContainer(name, address, 22, "root", key, known_hosts, folder)


def remove_host(name: str) -> None:
    """Remove a host, what runs in it and its disk; nothing happens when there is none."""
    _remove_containers(name)
    subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, check=False)
    subprocess.run(["docker", "volume", "rm", "--force", _volume(name)], capture_output=True, check=False)


def _volume(name: str) -> str:
    return f"{name}-docker"


def _remove_containers(name: str) -> None:
    # Their cgroups lie in this machine's hierarchy and would outlive the host's own processes.
    script = "docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes"
    subprocess.run(["docker", "exec", name, "sh", "-c", script], capture_output=True, check=False, timeout=120)


def _furnishing(key: Path, host_key: Path) -> bytes:
    """What a server gets from whoever sets it up: the two keys, and this machine's way to the package mirror."""
    settings = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout.splitlines()
    proxies = "\n".join(line for line in settings if "::Proxy " in line) + "\n"
    files = {
        "etc/ssh/ssh_host_ed25519_key": (0o600, host_key.read_bytes()),
        "etc/apt/apt.conf.d/90proxy": (0o644, proxies.encode()),
    }
    for authority in Path("/usr/local/share/ca-certificates").glob("*.crt"):
        files[f"usr/local/share/ca-certificates/{authority.name}"] = (0o644, authority.read_bytes())
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for home, owner in (("root", 0), (f"home/{USER}", USER_ID)):
            _add_authorized_keys(tar, home, owner, key.with_suffix(".key.pub").read_bytes())
        for path, (mode, content) in files.items():
            entry = tarfile.TarInfo(path)
            entry.mode, entry.size = mode, len(content)
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def _add_authorized_keys(tar: tarfile.TarFile, home: str, owner: int, keys: bytes) -> None:
    folder, entry = tarfile.TarInfo(f"{home}/.ssh"), tarfile.TarInfo(f"{home}/.ssh/authorized_keys")
    folder.type, folder.mode = tarfile.DIRTYPE, 0o700
    entry.mode, entry.size = 0o600, len(keys)
    folder.uid = entry.uid = owner
    tar.addfile(folder)
    tar.addfile(entry, io.BytesIO(keys))


def _await_sshd(name: str, address: str, port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((address, port), timeout=2) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            time.sleep(0.2)
    said = subprocess.run(["docker", "logs", "--tail", "5", name], capture_output=True, text=True, check=False)
    raise DockerHostError(f"sshd of {name} does not answer at {address}:{port}: {(said.stdout + said.stderr).strip()}")


def _docker(*command: str, stdin: bytes | None = None) -> str:
    done = subprocess.run(["docker", *command], input=stdin, capture_output=True, check=False)
    if done.returncode:
        raise DockerHostError(f"`docker {' '.join(command[:2])}` failed: {done.stderr.decode().strip()}")
    return done.stdout.decode()


def _image_id(image: str) -> str:
    return _docker("image", "inspect", "--format", "{{.Id}}", image).strip()
