"""Realtime's configuration: the limits that it gives its one tenant at every start."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from supafleet.project_config import fields
from supafleet.project_config.fields import ConfigField, Kind
from supafleet.stack.settings import ProjectSettings

SERVICE = "realtime"
_FIXED = "Realtime of this stack takes its tenant from its start, which sets no such thing"


def _limit(name: str, variable: str, default: int, high: int) -> ConfigField:
    return ConfigField(name, Kind.INT, default, variable, low=1, high=high)


def _fixed(name: str, default: bool | int | None, high: int | None = None) -> ConfigField:
    kind = Kind.BOOL if isinstance(default, bool) else Kind.INT
    return ConfigField(name, kind, default, because=_FIXED, low=None if high is None else 1, high=high)


FIELDS = {
    field.name: field
    for field in (
        _fixed("private_only", False),
        _fixed("connection_pool", None, 100),
        _fixed("postgres_changes_pool", None, 100),
        _limit("max_concurrent_users", "TENANT_MAX_CONCURRENT_USERS", 200, 300_000),
        _limit("max_events_per_second", "TENANT_MAX_EVENTS_PER_SECOND", 100, 50_000),
        _limit("max_bytes_per_second", "TENANT_MAX_BYTES_PER_SECOND", 100_000, 10_000_000),
        _limit("max_channels_per_client", "TENANT_MAX_CHANNELS_PER_CLIENT", 100, 10_000),
        _limit("max_joins_per_second", "TENANT_MAX_JOINS_PER_SECOND", 100, 5_000),
        _fixed("max_presence_events_per_second", 1000, 5_000),
        _fixed("max_payload_size_in_kb", 3000, 10_000),
        _fixed("suspend", False),
        _fixed("presence_enabled", True),
    )
}

if TYPE_CHECKING:

    class RealtimeConfigPatch(BaseModel):
        """What shall be different."""

    class RealtimeConfig(BaseModel):
        """Realtime's configuration."""

else:
    RealtimeConfigPatch = fields.patch_model("RealtimeConfigPatch", FIELDS.values(), nullable=False)
    RealtimeConfig = fields.answer_model(
        "RealtimeConfig", (*FIELDS.values(), ConfigField("admin_suspended_at", Kind.TEXT))
    )


def read(settings: ProjectSettings, ref: str) -> dict[str, Any]:
    """All official fields by name; nobody but the owner can suspend Realtime here."""
    return {**fields.current(FIELDS.values(), SERVICE, settings, ref), "admin_suspended_at": None}


def change(settings: ProjectSettings, patch: Mapping[str, Any]) -> dict[str, Any]:
    """What a change makes of the settings.

    Raises:
        InvalidField: a field cannot be what the change says.
    """
    return fields.wishes(FIELDS, SERVICE, settings, patch)
