"""The systemd units of the service and of a worker, for machines that have systemd."""

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from supafleet.cli.exits import CommandError

UNIT_DIRECTORY = Path("/etc/systemd/system")
#: What the units read their settings from.
SETTINGS_FILE = Path("/etc/supafleet/service.env")
# The folder that sd_booted(3) looks for: systemd may be installed without being the init process.
BOOTED_MARK = Path("/run/systemd/system")


@dataclass(frozen=True)
class Unit:
    """A unit's file name, and the command it runs."""

    name: str
    command: str


SERVICE_UNIT = Unit("supafleet.service", "supafleet serve")
WORKER_UNIT = Unit("supafleet-worker.service", "supafleet worker")

_UNIT = """\
[Unit]
Description=Supafleet, control plane for self-hosted Supabase projects
After=network-online.target docker.service
Wants=network-online.target

[Service]
# Settings, the password of the database among them: a file that only root reads, not this one.
EnvironmentFile=-{settings}
ExecStart={command}
Restart=always
RestartSec=2
# Playbooks are children of the service: nothing of a run may outlive it.
KillMode=control-group
TimeoutStopSec=60
UMask=0077

[Install]
WantedBy=multi-user.target
"""


def unit_text(command: Sequence[str]) -> str:
    """The unit that runs `command`."""
    return _UNIT.format(settings=SETTINGS_FILE, command=" ".join(_quoted(word) for word in command))


def left_behind(names: Iterable[str], file: Path = SETTINGS_FILE) -> str | None:
    """A sentence on the variables of this shell that a unit does not have, or None when the file sets them all."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    missing = sorted(set(names) - set(re.findall(r"^\s*(\w+)=", text, re.MULTILINE)))
    if not missing:
        return None
    return (
        f"Not taken along from this shell: {', '.join(missing)}. Put what the unit is to have into {file}, mode 0600."
    )


def install_unit(
    command: Sequence[str],
    *,
    unit: Unit = SERVICE_UNIT,
    directory: Path = UNIT_DIRECTORY,
    booted_mark: Path = BOOTED_MARK,
    reload: bool = True,
) -> Path:
    """Write the unit and have systemd read it; answers the file.

    Raises:
        CommandError: this machine does not run systemd, or the unit cannot be written.
    """
    if not booted_mark.is_dir():
        raise CommandError(f"this machine does not run systemd: start `{unit.command}` with the init system it has")
    path = directory / unit.name
    try:
        path.write_text(unit_text(command), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write {path}: {error.strerror}") from error
    os.chmod(path, 0o644)
    if reload:
        told = subprocess.run(
            ["systemctl", "daemon-reload"],  # noqa: S607 - wherever the machine has it
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode != 0:
            raise CommandError(f"wrote {path}, but systemctl daemon-reload failed: {told.stderr.strip()}")
    return path


def _quoted(word: str) -> str:
    """A word of ExecStart: systemd expands `%` and `$` and splits at blanks."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(character in word for character in " \t\"'\\;") else escaped
