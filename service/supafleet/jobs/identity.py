"""A worker's stable name, never held by two living processes at once."""

import fcntl
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

_MOST_WORKERS = 64


@dataclass
class ExecutorIdentity:
    """The name a worker has while it lives, and gets again when it is restarted."""

    executor_id: str
    _descriptor: int

    def release(self) -> None:
        """Let another process have the name."""
        os.close(self._descriptor)


def claim_identity(data_dir: Path) -> ExecutorIdentity:
    """The first free name of this data directory.

    The stable name lets a restart take up its own runs at once; the lock keeps two processes from sharing one.

    Raises:
        RuntimeError: all names are taken.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem = _stem(data_dir / "executor-name")
    for index in range(_MOST_WORKERS):
        path = data_dir / f"executor-{index}.lock"
        # Python opens descriptors non-inheritable, so a child never keeps the lock of a dead worker.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        return ExecutorIdentity(f"{stem}-{index}", descriptor)
    raise RuntimeError(f"{_MOST_WORKERS} workers run already with the data directory {data_dir}")


def _stem(path: Path) -> str:
    """A random name per data directory: machine ids are the same on cloned machines."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        stem = f"worker-{secrets.token_hex(5)}"
        file.write(stem)
    return stem
