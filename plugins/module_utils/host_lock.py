"""The host's own records: who is working on a project, and which ports and subnets are taken.

Every playbook takes the project's lock, whoever runs it. A lock is a small file that its run keeps alive; it
lapses by itself when the run stops renewing it, so that a killed playbook never blocks a project for long.
Leases stand in one file under `flock`, so that two installations on one host cannot take the same port or subnet.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import threading
import time

LOCK_SECONDS = 90
# In a project's folder: the name of the installation that made it.
OWNER_FILE = "installation"
# How a module is told whose lock it works under.
LOCK_ARGUMENT = {
    "type": "dict",
    "required": True,
    "options": {
        "data_root": {"type": "path", "required": True},
        "project": {"type": "str", "required": True},
        "run": {"type": "str", "required": True},
    },
}


class RefusedError(Exception):
    """The lock or a lease belongs to somebody else; the message tells whom and since when."""


@contextlib.contextmanager
def exclusively(data_root):
    """Hold the host's flock over locks and leases."""
    os.makedirs(data_root, mode=0o700, exist_ok=True)
    with open(os.path.join(data_root, "records.lock"), "a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return {}


def _write(path, data):
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    beside = path + ".new"
    with open(beside, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def _lock_path(data_root, project):
    return os.path.join(data_root, "locks", project + ".json")


def _lease_path(data_root):
    return os.path.join(data_root, "leases.json")


def take_lock(data_root, project, holder, now=None):
    """Take or keep the project's lock.

    Args:
        holder: dict with run (id), kind, actor.

    Raises:
        RefusedError: a live run of somebody else holds it.
    """
    now = time.time() if now is None else now
    path = _lock_path(data_root, project)
    with exclusively(data_root):
        current = _read(path)
        if current and current["run"] != holder["run"] and current["expires_at"] > now:
            since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(current["since"]))
            actor, kind, run = current["actor"], current["kind"], current["run"]
            raise RefusedError(
                f"project {project} is locked by {actor} doing {kind} since {since} (run {run}); the lock lapses "
                f"{LOCK_SECONDS} s after that run stops renewing it"
            )
        since = current["since"] if current and current["run"] == holder["run"] else now
        _write(path, dict(holder, since=since, expires_at=now + LOCK_SECONDS))


def renew(data_root, project, run, now=None):
    """Keep a lock alive.

    Raises:
        RefusedError: it is no longer this run's.
    """
    now = time.time() if now is None else now
    path = _lock_path(data_root, project)
    with exclusively(data_root):
        current = _read(path)
        if current.get("run") != run:
            raise RefusedError(f"the lock of project {project} was lost to another run: start this run again")
        _write(path, dict(current, expires_at=now + LOCK_SECONDS))


@contextlib.contextmanager
def kept_alive(lock):
    """Work under a lock (dict of `LOCK_ARGUMENT`), which does not lapse however long the work takes.

    Raises:
        RefusedError: it is no longer this run's; nothing was begun.
    """
    renew(**lock)
    is_over = threading.Event()

    def keep():
        while not is_over.wait(LOCK_SECONDS / 3):
            with contextlib.suppress(RefusedError, OSError):  # what was begun goes on; the next look tells
                renew(**lock)

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        is_over.set()
        keeper.join()


def lock_is_held(data_root, project, run):
    """Whether this run has the project's lock."""
    return _read(_lock_path(data_root, project)).get("run") == run


def release_lock(data_root, project, run):
    """Give the lock back; somebody else's lock is left alone."""
    path = _lock_path(data_root, project)
    with exclusively(data_root):
        if _read(path).get("run") == run:
            os.unlink(path)


def take_leases(data_root, owner, wanted, check_only=False):
    """Record `wanted` ({"port": 24321, "subnet": "10.213.7.0/24"}) for `owner` ("installation/project").

    Returns:
        Whether the record changed.

    Raises:
        RefusedError: another project has one of them.
    """
    path = _lease_path(data_root)
    if check_only and not os.path.isdir(data_root):
        return True
    with exclusively(data_root):
        leases = _read(path)
        for other, held in sorted(leases.items()):
            for what, value in wanted.items():
                if other != owner and held.get(what) == value:
                    installation, project = other.split("/", 1)
                    raise RefusedError(
                        f"{what} {value} is leased to project {project} of installation {installation} "
                        f"on this host: choose another {what}"
                    )
        if leases.get(owner) == wanted:
            return False
        if not check_only:
            leases[owner] = dict(wanted)
            _write(path, leases)
        return True


def return_leases(data_root, owner, check_only=False):
    """Forget what `owner` had; whether there was anything."""
    path = _lease_path(data_root)
    if not os.path.isdir(data_root):
        return False
    with exclusively(data_root):
        leases = _read(path)
        if owner not in leases:
            return False
        if not check_only:
            del leases[owner]
            _write(path, leases)
        return True


def recorded_projects(data_root, now=None):
    """Whom the host's records and folders belong to.

    Returns:
        {"leases": {"installation/ref": lease}, "locks": [refs whose lock lapsed], "folders": ["installation/ref"]}; a
        folder that does not say whose it is stands there as the ref alone.
    """

    now = time.time() if now is None else now

    def names(folder):
        path = os.path.join(data_root, folder)
        return sorted(os.listdir(path)) if os.path.isdir(path) else []

    locked = [name[: -len(".json")] for name in names("locks") if name.endswith(".json")]
    return {
        "leases": _read(_lease_path(data_root)),
        "locks": [ref for ref in locked if _read(_lock_path(data_root, ref)).get("expires_at", 0) <= now],
        "folders": [_folder_owner(data_root, ref) for ref in names("projects")],
    }


def _folder_owner(data_root, ref):
    try:
        with open(os.path.join(data_root, "projects", ref, OWNER_FILE), encoding="utf-8") as file:
            installation = file.read().strip()
    except (OSError, ValueError):
        installation = ""
    return f"{installation}/{ref}" if installation else ref


def port_is_free(address, port):
    """Whether this host could listen on `address`:`port` now.

    Raises:
        RefusedError: the address is not of this host.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise RefusedError(
                    f"bind_address {address} is not an address of this host: choose one of `ip address`, or 0.0.0.0"
                ) from error
            return False
    return True
