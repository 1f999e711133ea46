"""The Data API's configuration (PostgREST)."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from supafleet.project_config import fields
from supafleet.project_config.fields import ConfigField, Kind
from supafleet.stack.settings import ProjectSettings

SERVICE = "rest"
_POOL = "PGRST_DB_POOL"

FIELDS = {
    field.name: field
    for field in (
        ConfigField("db_schema", Kind.TEXT, None, "PGRST_DB_SCHEMAS", "db_schemas"),
        ConfigField("max_rows", Kind.INT, None, "PGRST_DB_MAX_ROWS", "db_max_rows"),
        ConfigField("db_extra_search_path", Kind.TEXT, None, "PGRST_DB_EXTRA_SEARCH_PATH", "db_extra_search_path"),
        # Defaults of PostgREST itself.
        ConfigField("db_pool", Kind.INT, 10, _POOL),
        ConfigField("db_pool_acquisition_timeout", Kind.INT, 10, f"{_POOL}_ACQUISITION_TIMEOUT"),
        ConfigField("db_pool_max_lifetime", Kind.INT, 1800, f"{_POOL}_MAX_LIFETIME"),
        ConfigField("db_pool_max_idletime", Kind.INT, 30, f"{_POOL}_MAX_IDLETIME"),
    )
}
PLACES = fields.places(FIELDS.values())


class DataApiConfig(BaseModel):
    """How the Data API serves the database."""

    db_schema: str = Field(description="Schemas it serves, joined by commas; empty while it is off.")
    max_rows: int = Field(description="Most rows of one answer.")
    db_extra_search_path: str = Field(description="Schemas added to the search path.")
    db_pool: int = Field(description="Most connections to the database.")
    db_pool_acquisition_timeout: int = Field(description="Seconds to wait for a connection.")
    db_pool_max_lifetime: int = Field(description="Seconds after which a connection is replaced.")
    db_pool_max_idletime: int = Field(description="Seconds after which an unused connection is closed.")


class DataApiPatch(BaseModel):
    """What shall be different."""

    model_config = ConfigDict(extra="forbid", strict=True)

    db_schema: str | None = Field(default=None, max_length=fields.LONGEST_TEXT)
    max_rows: int | None = Field(default=None, ge=0, le=1_000_000)
    db_extra_search_path: str | None = Field(default=None, max_length=fields.LONGEST_TEXT)
    db_pool: int | None = Field(default=None, ge=1, le=1000)
    db_pool_acquisition_timeout: int | None = Field(default=None, ge=1, le=60)
    db_pool_max_lifetime: int | None = Field(default=None, ge=1, le=3600)
    db_pool_max_idletime: int | None = Field(default=None, ge=1, le=60)


def read(settings: ProjectSettings, ref: str) -> DataApiConfig:
    """The configuration as the service has it."""
    told = fields.current(FIELDS.values(), SERVICE, settings, ref)
    # It is off whatever PostgREST itself is told.
    return DataApiConfig.model_validate(told | ({} if settings.db_schemas else {"db_schema": ""}))


def change(settings: ProjectSettings, patch: Mapping[str, Any]) -> dict[str, Any]:
    """What a change makes of the settings.

    Raises:
        InvalidField: a field cannot be what the change says.
    """
    return fields.wishes(FIELDS, SERVICE, settings, patch)
