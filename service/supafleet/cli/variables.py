"""The settings in the environment: those of this shell, and those that a running service was started with."""

import os
from collections.abc import Mapping
from pathlib import Path

from supafleet.cli.exits import CommandError
from supafleet.settings import Settings, variable_of

# These are told by options of the command.
_TOLD_BY_OPTIONS = frozenset({"listen_host", "listen_port", "data_dir"})
_NAMES = frozenset(map(variable_of, Settings.model_fields.keys() - _TOLD_BY_OPTIONS))


def shell_variables() -> dict[str, str]:
    """The settings that this shell sets, by the names of their variables."""
    return _settings_in(os.environ)


def process_variables(pid: int) -> dict[str, str]:
    """The settings that a process was started with; only its own user may ask.

    Raises:
        CommandError: it may not be asked.
    """
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read the settings of the process {pid}: {error.strerror}") from error
    pairs = (os.fsdecode(line).partition("=") for line in environment.split(b"\0"))
    return _settings_in({name: value for name, _, value in pairs})


def _settings_in(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name in _NAMES}
