"""Where the playbooks, roles and plugins are: beside the checkout, or inside an installed wheel."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_PACKAGED = Path(__file__).resolve().parent / "_content"
_CHECKOUT = Path(__file__).resolve().parents[2]
_DIGEST_LENGTH = 12


@cache
def content_root() -> Path:
    """The folder that holds `playbooks/`, `roles/`, `plugins/` and `ansible.cfg`.

    Raises:
        FileNotFoundError: neither a packaged copy nor a checkout is there.
    """
    for candidate in (_PACKAGED, _CHECKOUT):
        if (candidate / "roles").is_dir() and (candidate / "ansible.cfg").is_file():
            return candidate
    raise FileNotFoundError(
        f"no playbooks and roles in {_PACKAGED} or {_CHECKOUT}: install the wheel or use a checkout"
    )


def files_digest(folder: Path, paths: Iterable[Path]) -> str:
    """Twelve hex digits over the names and the content of these files below the folder."""
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in paths):
        content = path.read_bytes()
        # the lengths keep "ab" + "c" and "a" + "bc" apart
        digest.update(f"{len(name)}:{name}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()[:_DIGEST_LENGTH]
