"""The image of a bare Debian server: what an installer leaves, and sshd. No Docker, no Python.

Built by debootstrap from the mirror that this machine's own apt uses, once per content: the tag is a digest of all
that goes into it.
"""

import fcntl
import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = "supafleet-test-host"
_PACKAGES = ["openssh-server", "iproute2", "procps", "ca-certificates", "sudo"]
#: Somebody who is not root there, as on the images of a cloud.
USER, USER_ID = "admin", 1000
# Each test host brings its own host key, made by the test session that pins it.
_AFTERWARDS = (
    f"set -e; useradd --create-home --uid {USER_ID} {USER}; "
    f"echo '{USER} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{USER}; "
    "rm -f /etc/ssh/ssh_host_*; rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb"
)
_COMMAND = ["/bin/sh", "-c", "mkdir -p /run/sshd && exec /usr/sbin/sshd -D -e -o MaxSessions=100 -o UseDNS=no"]


class HostImageError(RuntimeError):
    """The image cannot be built here; the message says what to do."""


def bare_image(suite: str) -> str:
    """The tag of the bare server's image of a Debian suite; builds it when the engine does not have it."""
    with _alone("mirror"):  # apt refuses to be updated twice at once
        mirror = _mirror()
    recipe = json.dumps([suite, mirror, _PACKAGES, _AFTERWARDS, _COMMAND])
    tag = f"{REPOSITORY}:{suite}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    # Two test sessions on one machine build it once.
    with _alone(suite):
        if subprocess.run(["docker", "image", "inspect", tag], capture_output=True, check=False).returncode:
            _build(suite, mirror, tag)
    return tag


@contextmanager
def _alone(word: str) -> Iterator[None]:
    """The block is in one process and one thread of this machine at a time."""
    with (Path(tempfile.gettempdir()) / f"{REPOSITORY}-{word}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _mirror() -> str:
    """The Debian mirror of this machine, as apt itself understands its sources of either format."""
    fields = ["--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian", "Label: Debian"]
    listed = _run(["apt-get", "indextargets", *fields]).stdout.split()
    if not listed:
        _run(["apt-get", "-qq", "update"])
        listed = _run(["apt-get", "indextargets", *fields]).stdout.split()
    if not listed:
        raise HostImageError(
            "no source in /etc/apt names a Debian mirror, and the test hosts are Debian servers: add one"
        )
    return listed[0]


def _build(suite: str, mirror: str, tag: str) -> None:
    if shutil.which("debootstrap") is None:
        raise HostImageError("debootstrap is missing, and the test hosts are built by it: install it")
    # Device nodes are made in it, which some temporary file systems refuse.
    with tempfile.TemporaryDirectory(prefix="supafleet-test-host-", dir="/var/tmp") as folder:
        root = Path(folder) / "root"
        _run(["debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", suite, str(root), mirror])
        _run(["chroot", str(root), "/bin/sh", "-c", _AFTERWARDS])
        packed = subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE)
        command = ["docker", "import", "--change", f"CMD {json.dumps(_COMMAND)}", "-", tag]
        imported = subprocess.run(command, stdin=packed.stdout, capture_output=True, text=True, check=False)
        if packed.wait() or imported.returncode:
            raise HostImageError(f"the engine did not take the image {tag}: {imported.stderr.strip() or 'tar failed'}")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise HostImageError(f"`{' '.join(command[:2])}` failed: {said[-1] if said else 'it said nothing'}")
    return done
