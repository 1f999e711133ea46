"""Projects and organizations in Studio's words; every rule and every number is that of `/v1`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import Session
from zxcvbn import zxcvbn

from supafleet.accounts.service import Actor
from supafleet.db import row_id, utc_now
from supafleet.hosts.models import DockerHost
from supafleet.organizations import service as organizations
from supafleet.organizations.models import Organization, Role
from supafleet.permissions import ROLES, Permission
from supafleet.projects import service as projects
from supafleet.projects.models import Project
from supafleet.projects.states import Status
from supafleet.settings import Settings
from supafleet.stack.settings import ProjectSettings
from supafleet.studio import schemas
from supafleet.studio.statements import statements

#: The scoring takes longer the longer a password is; more characters never make it easier to guess.
_SCORED_CHARACTERS = 72


@dataclass(frozen=True)
class ApiKeys:
    """What opens a project's API; None for what the account may not read."""

    anon: str
    service_role: str | None
    jwt_secret: str | None


def score_password(password: str) -> schemas.PasswordScore:
    """How hard the password is to guess, and how it could be better."""
    if not password:
        feedback = schemas.PasswordFeedback(warning="There is no password.", suggestions=[])
        return schemas.PasswordScore(score=0, feedback=feedback)
    found = zxcvbn(password[:_SCORED_CHARACTERS])
    return schemas.PasswordScore(
        score=found["score"], feedback=schemas.PasswordFeedback.model_validate(found["feedback"])
    )


def list_statements(session: Session, actor: Actor) -> list[schemas.PermissionStatement]:
    """What the account may do in each of its organizations."""
    return [
        statement
        for organization, role in _places(session, actor)
        for statement in statements(row_id(organization), role)
    ]


def list_organizations(session: Session, actor: Actor) -> list[schemas.Organization]:
    """The account's organizations, oldest first."""
    return [_organization(organization, role) for organization, role in _places(session, actor)]


def create_organization(session: Session, name: str, actor: Actor) -> schemas.Organization:
    """A new organization that the account owns."""
    return _organization(organizations.create_organization(session, name, actor.account_id), Role.OWNER)


def subscription(now: datetime) -> schemas.Subscription:
    """What an organization pays this month: nothing."""
    start, end = _month(now)
    return schemas.Subscription(current_period_start=start, current_period_end=end)


def usage(now: datetime) -> schemas.OrganizationUsage:
    """What an organization used this month: not measured."""
    start, end = _month(now)
    return schemas.OrganizationUsage(billing_cycle_start=start, billing_cycle_end=end)


def list_projects(session: Session, actor: Actor, settings: Settings) -> list[schemas.Project]:
    """The projects of the account's organizations, oldest first."""
    return [
        schemas.Project.model_validate(_project(placed.project, placed.host, settings))
        for placed in projects.list_placed_projects(session, actor)
    ]


def get_project(session: Session, ref: str, actor: Actor, settings: Settings) -> schemas.Project:
    """The project, for a member of its organization."""
    placed = projects.get_placed_project(session, ref, actor)
    return schemas.Project.model_validate(_project(placed.project, placed.host, settings))


def get_status(session: Session, ref: str, actor: Actor, settings: Settings) -> Status:
    """How the project is."""
    placed = projects.get_placed_project(session, ref, actor)
    return projects.served_status(placed.project, placed.host, settings, utc_now()).status


def get_settings(session: Session, ref: str, actor: Actor, settings: Settings) -> schemas.ProjectSettings:
    """The project with its API and what opens it."""
    placed = projects.get_placed_project(session, ref, actor)
    project, host = placed.project, placed.host
    keys = reveal_keys(session, project, actor, settings)
    return schemas.ProjectSettings(
        project=schemas.ProjectWithSecret.model_validate(
            {**_project(project, host, settings), "jwt_secret": keys.jwt_secret}
        ),
        services=[_api(project, host, keys)],
    )


def get_api(session: Session, ref: str, actor: Actor, settings: Settings) -> schemas.ProjectApi:
    """Where the project's API answers, and its keys."""
    placed = projects.get_placed_project(session, ref, actor)
    keys = reveal_keys(session, placed.project, actor, settings)
    return schemas.ProjectApi(autoApiService=_api(placed.project, placed.host, keys))


def reveal_keys(session: Session, project: Project, actor: Actor, settings: Settings) -> ApiKeys:
    """The project's keys, as far as the account's role may read them."""
    role = organizations.role_of(session, project.organization_id, actor)
    is_trusted = role is not None and Permission.API_GATEWAY_KEYS_SECRET_READ in ROLES[role]
    values = projects.reveal_secrets(session, project, settings)
    return ApiKeys(
        anon=values["anon_key"],
        service_role=values["service_role_key"] if is_trusted else None,
        jwt_secret=values["jwt_secret"] if is_trusted else None,
    )


def _month(now: datetime) -> tuple[int, int]:
    """Begin and end of the month, in seconds since 1970."""
    start = datetime(now.year, now.month, 1, tzinfo=UTC)
    end = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    return int(start.timestamp()), int(end.timestamp())


def _places(session: Session, actor: Actor) -> list[tuple[Organization, Role]]:
    found = []
    for organization in organizations.list_organizations(session, actor):
        role = organizations.role_of(session, row_id(organization), actor)
        if role is not None:
            found.append((organization, role))
    return found


def _organization(organization: Organization, role: Role) -> schemas.Organization:
    return schemas.Organization(
        id=row_id(organization), slug=organization.slug, name=organization.name, is_owner=role == Role.OWNER
    )


def _project(project: Project, host: DockerHost, settings: Settings) -> dict[str, Any]:
    address = projects.database_host(project.ref, settings)
    return {
        "id": row_id(project),
        "ref": project.ref,
        "name": project.name,
        "status": projects.served_status(project, host, settings, utc_now()).status,
        "organization_id": project.organization_id,
        "inserted_at": project.created_at,
        "region": project.region,
        "size": project.size,
        "infra_compute_size": project.size,
        "db_dns_name": address,
        "db_host": address,
        "restUrl": _rest_url(project, host),
    }


def _api(project: Project, host: DockerHost, keys: ApiKeys) -> schemas.AutoApiService:
    address = urlsplit(projects.public_url(project, host))
    served = ProjectSettings.model_validate(project.settings).served_schemas
    return schemas.AutoApiService(
        app_config=schemas.AppConfig(endpoint=address.netloc, db_schema=next(iter(served), "")),
        service_api_keys=[
            schemas.ServiceApiKey(name="anon key", tags="anon", api_key=keys.anon),
            schemas.ServiceApiKey(name="service_role key", tags="service_role", api_key=keys.service_role),
        ],
        protocol=address.scheme,
        endpoint=address.netloc,
        restUrl=_rest_url(project, host),
        project=schemas.ProjectName(ref=project.ref),
        defaultApiKey=keys.anon,
        serviceApiKey=keys.service_role,
    )


def _rest_url(project: Project, host: DockerHost) -> str:
    return f"{projects.public_url(project, host)}/rest/v1/"
