"""What Studio asks about the installation, the account and its organizations."""

from typing import Annotated

import structlog
from fastapi import Path, status
from sqlalchemy.exc import SQLAlchemyError

from supafleet.db import EngineDep, SessionDep, ping, utc_now
from supafleet.deps import CurrentActor, SettingsDep, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.routing import Router
from supafleet.studio import schemas, service

log = structlog.get_logger(__name__)

router = Router(tags=["Studio"])

Slug = Annotated[str, Path(description="Slug of the organization.")]


@router.get("/", operation_id="studio-get-root")
def get_root() -> schemas.Reached:
    """Tell that this is the service."""
    return schemas.Reached()


@router.get("/status", operation_id="studio-get-status")
def get_status(engine: EngineDep) -> schemas.Health:
    """Tell whether the service can work."""
    try:
        ping(engine)
    except SQLAlchemyError as error:
        log.warning("database.unreachable", error=type(error).__name__)
        return schemas.Health(is_healthy=False)
    return schemas.Health(is_healthy=True)


@router.get("/configcat/configuration-files/{key}/config_v5.json", operation_id="studio-get-feature-flags")
def get_feature_flags(
    key: Annotated[str, Path(description="All clients are given the same.")],  # noqa: ARG001 - part of the path
    settings: SettingsDep,
) -> schemas.FeatureFlags:
    """Tell that no feature is switched by a flag."""
    return schemas.FeatureFlags(p=schemas.Redirection(u=f"{settings.resolved_public_url}/configcat"))


@router.get(
    "/profile",
    operation_id="studio-get-profile",
    responses=responses(401),
    dependencies=needs(Permission.PROFILE_READ),
)
def get_profile(actor: CurrentActor) -> schemas.Profile:
    """Tell whose token this is."""
    return schemas.Profile(
        id=actor.account_id,
        primary_email=actor.primary_email,
        username=actor.username,
        gotrue_id=actor.gotrue_id,
    )


@router.get(
    "/profile/permissions",
    operation_id="studio-list-permissions",
    responses=responses(401),
    dependencies=needs(Permission.PROFILE_READ),
)
def list_permissions(session: SessionDep, actor: CurrentActor) -> list[schemas.PermissionStatement]:
    """Tell what the account may do in each of its organizations."""
    return service.list_statements(session, actor)


@router.post(
    "/profile/password-check",
    operation_id="studio-check-password",
    responses=responses(401, 422),
    dependencies=needs(Permission.PROFILE_READ),
)
def check_password(body: schemas.PasswordCheck) -> schemas.PasswordCheckResult:
    """Score how hard a password is to guess; it is not kept."""
    return schemas.PasswordCheckResult(result=service.score_password(body.password.get_secret_value()))


@router.get(
    "/organizations",
    operation_id="studio-list-organizations",
    responses=responses(401),
    dependencies=needs(Permission.ORGANIZATIONS_READ),
)
def list_organizations(session: SessionDep, actor: CurrentActor) -> list[schemas.Organization]:
    """List the organizations the account belongs to."""
    return service.list_organizations(session, actor)


@router.post(
    "/platform/organizations",
    operation_id="studio-create-organization",
    status_code=status.HTTP_201_CREATED,
    responses=responses(401, 422),
    dependencies=needs(Permission.ORGANIZATIONS_CREATE),
)
def create_organization(
    body: schemas.OrganizationCreate, session: SessionDep, actor: CurrentActor
) -> schemas.Organization:
    """Create an organization; the account becomes its owner."""
    return service.create_organization(session, body.name, actor)


@router.get(
    "/platform/organizations/{slug}/billing/subscription",
    operation_id="studio-get-subscription",
    responses=responses(401, 403, 404),
    dependencies=needs(Permission.ORGANIZATION_ADMIN_READ),
)
def get_subscription(slug: Slug) -> schemas.Subscription:  # noqa: ARG001 - the gate asks for it
    """Tell what an organization pays: nothing."""
    return service.subscription(utc_now())


@router.get(
    "/platform/organizations/{slug}/usage",
    operation_id="studio-get-organization-usage",
    responses=responses(401, 403, 404),
    dependencies=needs(Permission.ORGANIZATION_ADMIN_READ),
)
def get_usage(slug: Slug) -> schemas.OrganizationUsage:  # noqa: ARG001 - the gate asks for it
    """Tell how much an organization used this month: nothing measures it, and nothing limits it."""
    return service.usage(utc_now())
