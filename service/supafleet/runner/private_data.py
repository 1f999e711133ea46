"""The private folder of one attempt: fresh, 0700, in memory, gone afterwards."""

import contextlib
import gzip
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PREFIX = "supafleet-run-"
_FAST = 1
_OWNER_FILE = "owner.json"


def run_directory(configured: Path | None, data_dir: Path) -> Path:
    """Where private folders go: the setting, else memory, else the data directory."""
    if configured is not None:
        configured.mkdir(mode=0o700, parents=True, exist_ok=True)
        return configured
    for candidate in (Path("/dev/shm"), Path(os.environ.get("XDG_RUNTIME_DIR") or "/nonexistent")):  # noqa: S108 - in memory, and each run makes its own 0700 folder there
        if candidate.is_dir() and os.access(candidate, os.W_OK):
            return candidate
    fallback = data_dir / "run"
    fallback.mkdir(mode=0o700, parents=True, exist_ok=True)
    return fallback


@contextmanager
def private_data_dir(base: Path, *, owner: str, run_id: str, attempt: int) -> Iterator[Path]:
    """A new folder for one attempt, removed at the end in any case."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    try:
        write_private(folder / _OWNER_FILE, json.dumps({"owner": owner, "run_id": run_id, "attempt": attempt}))
        for name in ("inventory", "env", "tmp", "home", "cp"):
            (folder / name).mkdir(mode=0o700)
        yield folder
    finally:
        _remove(folder)


def write_private(path: Path, text: str) -> None:
    """Write a file that was never readable for anybody else."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def write_archive(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a compressed tar archive that was never readable for anybody else; the same files give the same bytes."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file, gzip.GzipFile("", "wb", _FAST, file, mtime=0) as packed:  # noqa: SIM117 - the order of closing matters
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name in sorted(files):
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(files[name]), 0o644
                archive.addfile(member, io.BytesIO(files[name]))


def sweep(base: Path, *, owner: str, run_id: str | None = None) -> int:
    """Remove what dead runs of this owner (or one run of anybody) left behind; how many folders there were."""
    removed = 0
    for folder in base.glob(f"{_PREFIX}*"):
        marker = _read_marker(folder)
        if marker is None or folder.stat().st_uid != os.getuid():
            continue
        is_ours = marker.get("run_id") == run_id if run_id is not None else marker.get("owner") == owner
        if is_ours:
            _remove(folder)
            removed += 1
    return removed


def _remove(folder: Path) -> None:
    """The marker goes last: whoever is killed before leaves a folder that a sweep still knows."""
    with contextlib.suppress(OSError):  # two may sweep at once
        for entry in folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            elif entry.name != _OWNER_FILE:
                entry.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _read_marker(folder: Path) -> dict[str, Any] | None:
    try:
        marker = json.loads((folder / _OWNER_FILE).read_text())
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None
