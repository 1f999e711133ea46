"""Postgres' configuration: the official names among the settings that stand on the server's command line."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from supafleet.errors import InvalidField
from supafleet.stack.settings import ProjectSettings

RESTART = "restart_database"
_SIZE = r"^(-1|[0-9]{1,12}(B|kB|MB|GB|TB)?)$"
_TIME = r"^(-?[0-9]{1,12}(?:\.[0-9]{1,9})?)(us|ms|s|min|h|d)?$"
_PROCESSES = 262_143
_TRUE = ("on", "true", "yes", "1")

_SIZES = (
    "effective_cache_size",
    "logical_decoding_work_mem",
    "autovacuum_work_mem",
    "log_temp_files",
    "maintenance_work_mem",
    "track_activity_query_size",
    "max_slot_wal_keep_size",
    "max_wal_size",
    "shared_buffers",
    "wal_keep_size",
    "work_mem",
)
_TIMES = (
    "log_autovacuum_min_duration",
    "log_startup_progress_interval",
    "max_standby_archive_delay",
    "max_standby_streaming_delay",
    "statement_timeout",
    "wal_sender_timeout",
    "checkpoint_timeout",
)
_SWITCHES = (
    "cron.log_statement",
    "log_checkpoints",
    "log_connections",
    "log_disconnections",
    "log_duration",
    "log_lock_waits",
    "log_recovery_conflict_waits",
    "log_replication_commands",
    "track_commit_timestamp",
    "hot_standby_feedback",
)
_NUMBERS = {
    "pg_stat_statements.max": (100, 45_000),
    "pg_net.batch_size": (0, 32_767),
    "autovacuum_max_workers": (1, _PROCESSES),
    "max_connections": (1, _PROCESSES),
    "max_locks_per_transaction": (10, 2_147_483_640),
    "max_logical_replication_workers": (0, _PROCESSES),
    "max_parallel_maintenance_workers": (0, 1024),
    "max_parallel_workers": (0, 1024),
    "max_parallel_workers_per_gather": (0, 1024),
    "max_replication_slots": (0, _PROCESSES),
    "max_sync_workers_per_subscription": (0, _PROCESSES),
    "max_wal_senders": (0, _PROCESSES),
    "max_worker_processes": (0, _PROCESSES),
}
_ROLE = "session_replication_role"
_ROLES = r"^(origin|replica|local)$"
_REPLICATION = frozenset({"max_replication_slots", "max_wal_senders"})


def _definitions() -> dict[str, Any]:
    rules: dict[str, tuple[type, dict[str, Any]]] = {
        **{name: (str, {"pattern": _SIZE}) for name in _SIZES},
        **{name: (str, {"pattern": _TIME}) for name in _TIMES},
        **{name: (bool, {}) for name in _SWITCHES},
        **{name: (int, {"ge": low, "le": high}) for name, (low, high) in _NUMBERS.items()},
        _ROLE: (str, {"pattern": _ROLES}),
    }
    # A Python name holds no dot, so such a setting is known by its alias.
    return {
        name.replace(".", "_"): (kind, Field(default=None, alias=name if "." in name else None, **limits))
        for name, (kind, limits) in rules.items()
    }


if TYPE_CHECKING:

    class PostgresConfig(BaseModel):
        """The settings that the owner chose."""

    class PostgresConfigBody(PostgresConfig):
        """Settings as they shall be."""

else:
    PostgresConfig = create_model("PostgresConfig", __doc__="The settings that the owner chose.", **_definitions())
    PostgresConfigBody = create_model(
        "PostgresConfigBody",
        __config__=ConfigDict(extra="forbid", strict=True),
        __doc__="Settings as they shall be.",
        **_definitions(),
        **{RESTART: (bool, Field(default=None, description="False is refused where a change needs a restart."))},
    )

NAMES = frozenset({*_SIZES, *_TIMES, *_SWITCHES, *_NUMBERS, _ROLE})


def read(settings: ProjectSettings) -> dict[str, bool | int | str]:
    """The official settings that the owner chose, each with its own type; all others have their defaults.

    A value that the official type cannot tell is left out: Postgres takes more forms of a number, and of a size.
    """
    chosen = {name: _typed(name, text) for name, text in sorted(settings.postgres.items()) if name in NAMES}
    return {name: value for name, value in chosen.items() if _can_be_told(name, value)}


def read_flat(settings: ProjectSettings) -> dict[str, bool | int | str]:
    """The same with names that hold no dot, as the second version of the API tells them."""
    return {name.replace(".", "_"): value for name, value in read(settings).items()}


def change(settings: ProjectSettings, body: Mapping[str, Any], *, replace: bool) -> dict[str, Any]:
    """What a change makes of the settings; names that the official API does not know stay as they are.

    Args:
        replace: official settings that the body does not name go back to their defaults.

    Raises:
        InvalidField: the database would have to be restarted and may not be.
    """
    kept = {name: text for name, text in settings.postgres.items() if not (replace and name in NAMES)}
    wished = {**kept, **{name: _text(value) for name, value in body.items() if name != RESTART}}
    if body.get(RESTART) is False and wished != settings.postgres:
        raise InvalidField(RESTART, "must be true or absent: settings stand on the command line of the database")
    for name in sorted(_REPLICATION & wished.keys()):
        if wished[name].isdecimal() and int(wished[name]) < 1:
            raise InvalidField(name, "must be 1 or more: Realtime follows the database through replication")
    return {"postgres": wished or None}


def is_read_only(settings: ProjectSettings) -> bool:
    """Whether the owner lets every transaction of the database be one that only reads."""
    return settings.postgres.get("default_transaction_read_only", "off").lower() in _TRUE


def _can_be_told(name: str, value: bool | int | str) -> bool:
    try:
        PostgresConfig.model_validate({name: value})
    except ValidationError:
        return False
    return True


def _typed(name: str, text: str) -> bool | int | str:
    if name in _SWITCHES:
        return text.lower() in _TRUE
    return int(text) if name in _NUMBERS and text.lstrip("-").isdecimal() else text


def _text(value: bool | int | str) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
