"""What a project could have: regions, versions, sizes, backups and branches, as they are."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from supafleet.hosts.models import DockerHost
from supafleet.hosts.regions import REGION_GROUPS
from supafleet.projects import catalogue
from supafleet.projects.models import Project
from supafleet.projects.placement import missing_setting

RegionGroupCode = Literal["americas", "emea", "apac"]
_GROUP_NAMES: dict[str, str] = {
    "americas": "Americas",
    "emea": "Europe, Middle East and Africa",
    "apac": "Asia-Pacific",
}
_CHANNEL: Literal["ga"] = "ga"
_CONTINENTS = {"NA": ("us-", "ca-"), "SA": ("sa-",), "EU": ("eu-",), "AS": ("ap-",), "OC": ("ap-southeast-2",)}


class OfferedGroup(BaseModel):
    """A part of the world in which a Docker host is."""

    name: str
    code: RegionGroupCode
    type: Literal["smartGroup"] = "smartGroup"


class OfferedRegion(BaseModel):
    """A region that a Docker host serves."""

    name: str
    code: str
    type: Literal["specific"] = "specific"
    provider: Literal["AWS"] = Field(default="AWS", description="The official word; it says nothing of the host.")
    status: Literal["capacity"] | None = Field(default=None, description="capacity: every host there is full.")


class RecommendedRegions(BaseModel):
    """Where to put a project."""

    smartGroup: OfferedGroup | None = Field(  # noqa: N815 - official spelling
        default=None, description="Left out while no host is in an official region."
    )
    specific: list[OfferedRegion]


class AllRegions(BaseModel):
    """Where a project can be."""

    smartGroup: list[OfferedGroup]  # noqa: N815 - official spelling
    specific: list[OfferedRegion]


class AvailableRegions(BaseModel):
    """Regions for a new project."""

    recommendations: RecommendedRegions
    all: AllRegions


class DatabaseVersion(BaseModel):
    """A version of Postgres."""

    version: str
    release_channel: Literal["ga"] = "ga"
    postgres_engine: str


class RestoreVersions(BaseModel):
    """Versions in which a paused project can come up."""

    available_versions: list[DatabaseVersion]


class Backups(BaseModel):
    """Backups of a project."""

    region: str
    walg_enabled: bool
    pitr_enabled: bool
    backups: list[dict[str, Any]]
    physical_backup_data: dict[str, int]


class Branch(BaseModel):
    """A branch of a project."""

    id: str
    name: str
    project_ref: str
    parent_project_ref: str
    is_default: bool
    persistent: bool
    status: str
    created_at: datetime
    updated_at: datetime
    with_data: bool


class ReadOnlyMode(BaseModel):
    """Whether the database only lets read."""

    enabled: bool
    override_enabled: bool
    override_active_until: str


class UpgradeTarget(BaseModel):
    """A version to upgrade to."""

    postgres_version: str
    release_channel: str
    app_version: str


class UpgradeEligibility(BaseModel):
    """Whether Postgres can be upgraded."""

    eligible: bool
    current_app_version: str
    current_app_version_release_channel: Literal["ga"]
    latest_app_version: str
    target_upgrade_versions: list[UpgradeTarget]
    duration_estimate_hours: float
    legacy_auth_custom_roles: list[str]
    objects_to_be_dropped: list[str]
    unsupported_extensions: list[str]
    user_defined_objects_in_internal_schemas: list[str]
    validation_errors: list[dict[str, Any]]
    warnings: list[dict[str, Any]]


class UpgradeStatus(BaseModel):
    """The upgrade that is underway."""

    databaseUpgradeStatus: None = Field(description="There is none.")  # noqa: N815 - official spelling


class Price(BaseModel):
    """What something costs."""

    description: str
    type: Literal["fixed"]
    interval: Literal["monthly"]
    amount: float


class AddonVariant(BaseModel):
    """One of its kind."""

    id: str
    name: str
    price: Price


class SelectedAddon(BaseModel):
    """What the project has."""

    type: Literal["compute_instance"]
    variant: AddonVariant


class Addons(BaseModel):
    """What the project has, and what could be bought."""

    selected_addons: list[SelectedAddon]
    available_addons: list[dict[str, Any]]


def available_regions(
    hosts: Sequence[DockerHost], counts: dict[int, int], continent: str | None = None
) -> AvailableRegions:
    """Regions that Docker hosts serve; those with a place left are recommended."""
    served: dict[str, bool] = {}
    for host in hosts:
        if missing_setting(host) is not None:
            continue
        is_full = host.capacity_projects is not None and counts.get(host.id or 0, 0) >= host.capacity_projects
        for region in host.regions:
            served[region] = served.get(region, False) or not is_full
    kept = {region: has_place for region, has_place in served.items() if _is_on(region, continent)}
    free = [region for region, has_place in kept.items() if has_place]
    groups = _groups(free)
    offered = [OfferedRegion(name=name, code=name, status=None if kept[name] else "capacity") for name in sorted(kept)]
    return AvailableRegions(
        recommendations=RecommendedRegions(
            smartGroup=groups[0] if groups else None,
            specific=[region for region in offered if region.status is None],
        ),
        all=AllRegions(smartGroup=_groups(kept), specific=offered),
    )


def restore_versions(project: Project) -> RestoreVersions:
    """A paused project comes up in the version that wrote its data."""
    version = DatabaseVersion(
        version=catalogue.postgres_version(project.release),
        postgres_engine=catalogue.postgres_engine(project.release),
    )
    return RestoreVersions(available_versions=[version])


def no_backups(project: Project) -> Backups:
    """Nothing backs a project up yet."""
    return Backups(region=project.region, walg_enabled=False, pitr_enabled=False, backups=[], physical_backup_data={})


def upgrade_eligibility(project: Project) -> UpgradeEligibility:
    """Postgres of a project stays that of its release."""
    version = f"supabase-postgres-{catalogue.postgres_version(project.release)}"
    return UpgradeEligibility(
        eligible=False,
        current_app_version=version,
        current_app_version_release_channel=_CHANNEL,
        latest_app_version=version,
        target_upgrade_versions=[],
        duration_estimate_hours=0,
        legacy_auth_custom_roles=[],
        objects_to_be_dropped=[],
        unsupported_extensions=[],
        user_defined_objects_in_internal_schemas=[],
        validation_errors=[],
        warnings=[],
    )


def no_upgrade() -> UpgradeStatus:
    """No upgrade of Postgres is ever underway."""
    return UpgradeStatus(databaseUpgradeStatus=None)


def addons(project: Project) -> Addons:
    """The project's size, by the name of the addon it would be; there is nothing to buy."""
    price = Price(
        description="Included: the project runs on a host of this installation.",
        type="fixed",
        interval="monthly",
        amount=0,
    )
    variant = AddonVariant(id=f"ci_{project.size}", name=project.size.capitalize(), price=price)
    return Addons(selected_addons=[SelectedAddon(type="compute_instance", variant=variant)], available_addons=[])


def _groups(regions: Iterable[str]) -> list[OfferedGroup]:
    found = set(regions)
    codes: tuple[RegionGroupCode, ...] = ("americas", "emea", "apac")
    return [OfferedGroup(name=_GROUP_NAMES[code], code=code) for code in codes if found & set(REGION_GROUPS[code])]


def _is_on(region: str, continent: str | None) -> bool:
    return continent is None or region.startswith(_CONTINENTS.get(continent, ("-",)))
