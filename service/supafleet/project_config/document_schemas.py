"""Shapes of the whole configuration of a project, as the second version of the API tells it."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from supafleet.project_config import fields, realtime
from supafleet.project_config.data_api import DataApiConfig
from supafleet.project_config.storage import Capabilities, Switch

if TYPE_CHECKING:

    class RealtimeAttributes(BaseModel):
        """Realtime's configuration."""

else:
    RealtimeAttributes = fields.answer_model(
        # It may not be null here, and the number is Realtime's own affair.
        "RealtimeAttributes",
        [field for field in realtime.FIELDS.values() if field.name != "connection_pool"],
    )


class AllowedNetwork(BaseModel):
    """A network that may reach the database."""

    address: str
    type: Literal["v4", "v6"]


class NetworkRestrictions(BaseModel):
    """Who may reach the database from outside."""

    entitlement: Literal["disallowed"] = Field(description="No network reaches it, so there is nothing to restrict.")
    status: Literal["applied"]
    allowed_cidrs: list[AllowedNetwork]


class DatabaseAttributes(BaseModel):
    """How the database is set up."""

    major_version: int
    ssl_enforced: bool
    network_restrictions: NetworkRestrictions
    postgres_settings: dict[str, bool | int | str] = Field(description="Settings that were chosen, by name.")


class IcebergCatalogAttributes(Switch):
    """Analytics buckets."""

    max_namespaces: int
    max_tables: int
    max_catalogs: int


class VectorBucketsAttributes(Switch):
    """Vector buckets."""

    max_buckets: int
    max_indexes: int


class FeaturesAttributes(BaseModel):
    """What Storage can do."""

    image_transformation: Switch
    s3_protocol: Switch
    purge_cache: Switch
    iceberg_catalog: IcebergCatalogAttributes
    vector_buckets: VectorBucketsAttributes


class StorageAttributes(BaseModel):
    """How Storage is set up."""

    file_size_limit: int = Field(description="Largest upload in bytes.")
    features: FeaturesAttributes
    capabilities: Capabilities
    upstream_target: Literal["main", "canary"]
    migration_version: str | None = Field(description="Not looked up: null.")


class ConfigAttributes(BaseModel):
    """How all services are set up; a pooler is not among them, because no release of this version has one."""

    database: DatabaseAttributes
    auth: dict[str, Any] = Field(description="Auth's configuration by GoTrue's own names.")
    api: DataApiConfig
    realtime: RealtimeAttributes
    storage: StorageAttributes


class ConfigResource(BaseModel):
    """The configuration of a project."""

    type: Literal["project_config"]
    id: str = Field(description="Ref of the project.")
    attributes: ConfigAttributes


class ConfigDocument(BaseModel):
    """The configuration of a project as one document."""

    data: ConfigResource
