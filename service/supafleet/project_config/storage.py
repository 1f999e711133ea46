"""Storage's configuration: its size limit and the two of its features that this stack can switch."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from supafleet.project_config import fields
from supafleet.project_config.fields import ConfigField, Kind
from supafleet.stack.settings import ProjectSettings

SERVICE = "storage"
_HOSTED = "it needs services of the hosted platform"
_LARGEST_FILE = 536_870_912_000


def _fixed(name: str, default: bool | int | str) -> ConfigField:
    kinds = {bool: Kind.BOOL, int: Kind.INT, str: Kind.TEXT}
    return ConfigField(name, kinds[type(default)], default, because=_HOSTED)


#: By dotted path, as a body of a change is flattened.
FIELDS = {
    field.name: field
    for field in (
        ConfigField("fileSizeLimit", Kind.INT, None, "FILE_SIZE_LIMIT", "file_size_limit"),
        ConfigField("features.imageTransformation.enabled", Kind.BOOL, True, "ENABLE_IMAGE_TRANSFORMATION"),
        ConfigField("features.s3Protocol.enabled", Kind.BOOL, True, "S3_PROTOCOL_ENABLED"),
        _fixed("features.purgeCache.enabled", False),
        _fixed("features.icebergCatalog.enabled", False),
        _fixed("features.icebergCatalog.maxNamespaces", 0),
        _fixed("features.icebergCatalog.maxTables", 0),
        _fixed("features.icebergCatalog.maxCatalogs", 0),
        _fixed("features.vectorBuckets.enabled", False),
        _fixed("features.vectorBuckets.maxBuckets", 0),
        _fixed("features.vectorBuckets.maxIndexes", 0),
        _fixed("external.upstreamTarget", "main"),
    )
}
PLACES = fields.places(FIELDS.values())


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Switch(_Strict):
    """A feature that is on or off."""

    enabled: bool


class IcebergCatalog(Switch):
    """Analytics buckets."""

    maxNamespaces: int = Field(ge=0)  # noqa: N815 - official spelling
    maxTables: int = Field(ge=0)  # noqa: N815 - official spelling
    maxCatalogs: int = Field(ge=0)  # noqa: N815 - official spelling


class VectorBuckets(Switch):
    """Vector buckets."""

    maxBuckets: int = Field(ge=0)  # noqa: N815 - official spelling
    maxIndexes: int = Field(ge=0)  # noqa: N815 - official spelling


class Upstream(_Strict):
    """Where requests go."""

    upstreamTarget: Literal["main", "canary"]  # noqa: N815 - official spelling


class FeaturesPatch(_Strict):
    """Features that shall be different."""

    imageTransformation: Switch | None = None  # noqa: N815 - official spelling
    s3Protocol: Switch | None = None  # noqa: N815 - official spelling
    purgeCache: Switch | None = None  # noqa: N815 - official spelling
    icebergCatalog: IcebergCatalog | None = None  # noqa: N815 - official spelling
    vectorBuckets: VectorBuckets | None = None  # noqa: N815 - official spelling


class StorageConfigPatch(_Strict):
    """What shall be different."""

    fileSizeLimit: int | None = Field(default=None, ge=0, le=_LARGEST_FILE)  # noqa: N815 - official spelling
    features: FeaturesPatch | None = None
    external: Upstream | None = None


class Features(BaseModel):
    """What Storage can do."""

    imageTransformation: Switch  # noqa: N815 - official spelling
    s3Protocol: Switch  # noqa: N815 - official spelling
    purgeCache: Switch  # noqa: N815 - official spelling
    icebergCatalog: IcebergCatalog  # noqa: N815 - official spelling
    vectorBuckets: VectorBuckets  # noqa: N815 - official spelling


class Capabilities(BaseModel):
    """What this version of Storage knows."""

    list_v2: bool
    iceberg_catalog: bool
    object_versioning: bool


class StorageConfig(BaseModel):
    """Storage's configuration."""

    fileSizeLimit: int = Field(description="Largest upload in bytes.")  # noqa: N815 - official spelling
    features: Features
    capabilities: Capabilities
    external: Upstream
    migrationVersion: str | None = Field(description="Not looked up: null.")  # noqa: N815 - official spelling


def read(settings: ProjectSettings, ref: str) -> StorageConfig:
    """The configuration as the service has it."""
    tree: dict[str, Any] = {
        "capabilities": {"list_v2": True, "iceberg_catalog": False, "object_versioning": False},
        "migrationVersion": None,
    }
    for path, value in fields.current(FIELDS.values(), SERVICE, settings, ref).items():
        *folders, name = path.split(".")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return StorageConfig.model_validate(tree)


def change(settings: ProjectSettings, patch: Mapping[str, Any]) -> dict[str, Any]:
    """What a change makes of the settings.

    Raises:
        InvalidField: a field cannot be what the change says.
    """
    return fields.wishes(FIELDS, SERVICE, settings, dict(_flattened(patch)))


def _flattened(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in tree.items():
        if isinstance(value, Mapping):
            flat += _flattened(value, f"{prefix}{name}.")
        elif value is not None:
            flat.append((f"{prefix}{name}", value))
    return flat
