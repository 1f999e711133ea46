"""Where the playbooks, roles and plugins are: beside the checkout, or inside an installed wheel."""

from functools import cache
from pathlib import Path

_PACKAGED = Path(__file__).resolve().parent / "_content"
_CHECKOUT = Path(__file__).resolve().parents[2]


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
