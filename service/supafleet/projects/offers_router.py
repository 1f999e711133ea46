"""What a project could have, by the official routes: regions, versions, backups, branches, size, read-only mode."""

from typing import Annotated, Literal

from fastapi import Query, Response

from supafleet.answers import empty
from supafleet.db import SessionDep, row_id
from supafleet.deps import CurrentActor, ProjectRef, SettingsDep, needs
from supafleet.errors import responses
from supafleet.hosts import service as hosts
from supafleet.organizations import service as organizations
from supafleet.permissions import Permission
from supafleet.project_config import postgres
from supafleet.projects import configuration, lifecycle, offers, service
from supafleet.projects.changing import ChangerDep
from supafleet.projects.offers import (
    Addons,
    AvailableRegions,
    Backups,
    Branch,
    ReadOnlyMode,
    RestoreVersions,
    UpgradeEligibility,
    UpgradeStatus,
)
from supafleet.projects.schemas import ProjectDeleted, ProjectRename
from supafleet.routing import Router

router = Router(prefix="/v1/projects", tags=["Projects"])

_READ = responses(401, 403, 404)


@router.get(
    "/available-regions",
    operation_id="v1-get-available-regions",
    responses=responses(401, 403, 404, 422),
    response_model_exclude_none=True,
    dependencies=needs(Permission.PROJECTS_READ),
)
def get_regions(
    session: SessionDep,
    actor: CurrentActor,
    organization_slug: Annotated[str, Query(description="The organization that the project shall belong to.")],
    continent: Literal["NA", "SA", "EU", "AF", "AS", "OC", "AN"] | None = None,
) -> AvailableRegions:
    """List the regions that Docker hosts serve; recommended are those where a place is left."""
    organizations.get_organization(session, organization_slug, actor)
    return offers.available_regions(hosts.list_hosts(session), service.count_by_host(session), continent)


@router.patch(
    "/{ref}",
    operation_id="v1-update-a-project",
    responses=responses(401, 403, 404, 409, 413, 422, 502),
    dependencies=needs(Permission.PROJECT_ADMIN_WRITE),
)
def rename_project(changer: ChangerDep, body: ProjectRename) -> ProjectDeleted:
    """Give a project another name. The answer comes when its Studio shows it."""
    with changer.begin() as change:
        if configuration.rename_project(change.session, change.project, body.name):
            change.converge("Renamed.")
        answer = ProjectDeleted(id=row_id(change.project), ref=changer.ref, name=body.name)
    return answer


@router.get(
    "/{ref}/restore",
    operation_id="v1-list-available-restore-versions",
    responses=_READ,
    dependencies=needs(Permission.PROJECT_ADMIN_READ),
)
def list_restore_versions(ref: ProjectRef, session: SessionDep, actor: CurrentActor) -> RestoreVersions:
    """List the versions of Postgres in which a paused project can come up."""
    return offers.restore_versions(service.get_project(session, ref, actor))


@router.post(
    "/{ref}/restore/cancel",
    operation_id="v1-cancel-a-project-restoration",
    response_class=Response,
    responses=responses(401, 403, 404, 409),
    dependencies=needs(Permission.PROJECT_ADMIN_WRITE),
)
def cancel_restore(ref: ProjectRef, session: SessionDep, actor: CurrentActor) -> Response:
    """Ask the run that brings a paused project up to end."""
    lifecycle.cancel_resume(session, ref, actor)
    return empty()


@router.get(
    "/{ref}/database/backups",
    operation_id="v1-list-all-backups",
    responses=_READ,
    dependencies=needs(Permission.BACKUPS_READ),
)
def list_backups(ref: ProjectRef, session: SessionDep, actor: CurrentActor) -> Backups:
    """List the backups of a project: none is made yet."""
    return offers.no_backups(service.get_project(session, ref, actor))


@router.get(
    "/{ref}/branches",
    operation_id="v1-list-all-branches",
    responses=_READ,
    dependencies=needs(Permission.BRANCHING_DEVELOPMENT_READ),
)
def list_branches(ref: ProjectRef, session: SessionDep, actor: CurrentActor) -> list[Branch]:
    """List the branches of a project: it has none."""
    service.get_project(session, ref, actor)
    return []


@router.get(
    "/{ref}/billing/addons",
    operation_id="v1-list-project-addons",
    responses=_READ,
    dependencies=needs(Permission.INFRA_ADD_ONS_READ),
)
def list_addons(ref: ProjectRef, session: SessionDep, actor: CurrentActor) -> Addons:
    """Tell a project's size as the addon it would be; there is nothing to buy."""
    return offers.addons(service.get_project(session, ref, actor))


@router.get(
    "/{ref}/readonly",
    operation_id="v1-get-readonly-mode-status",
    responses=_READ,
    dependencies=needs(Permission.DATABASE_READONLY_CONFIG_READ),
)
def get_read_only_mode(
    ref: ProjectRef, session: SessionDep, actor: CurrentActor, settings: SettingsDep
) -> ReadOnlyMode:
    """Tell whether the owner's settings let the database only be read; nothing else ever does."""
    known = configuration.stored_settings(session, ref, actor, settings)
    return ReadOnlyMode(enabled=postgres.is_read_only(known), override_enabled=False, override_active_until="")


@router.get(
    "/{ref}/upgrade/eligibility",
    operation_id="v1-get-postgres-upgrade-eligibility",
    responses=_READ,
    dependencies=needs(Permission.PROJECT_ADMIN_READ, Permission.DATABASE_READ),
)
def get_upgrade_eligibility(ref: ProjectRef, session: SessionDep, actor: CurrentActor) -> UpgradeEligibility:
    """Tell to which versions Postgres of a project can be upgraded: to none."""
    return offers.upgrade_eligibility(service.get_project(session, ref, actor))


@router.get(
    "/{ref}/upgrade/status",
    operation_id="v1-get-postgres-upgrade-status",
    responses=_READ,
    dependencies=needs(Permission.PROJECT_ADMIN_READ, Permission.DATABASE_READ),
)
def get_upgrade_status(ref: ProjectRef, session: SessionDep, actor: CurrentActor) -> UpgradeStatus:
    """Tell how the upgrade of Postgres goes: none is underway."""
    service.get_project(session, ref, actor)
    return offers.no_upgrade()
