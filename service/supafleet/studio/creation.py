"""Creating a project from Studio's words: they are translated, and `/v1` does the rest."""

from pydantic import ValidationError
from sqlmodel import Session

from supafleet.accounts.service import Actor
from supafleet.db import row_id, utc_now
from supafleet.errors import Forbidden, InvalidField, allowed, describe_validation_errors, quote
from supafleet.hosts import service as hosts
from supafleet.jobs.engine import JobEngine
from supafleet.organizations import service as organizations
from supafleet.projects import catalogue, creation
from supafleet.projects import schemas as official
from supafleet.projects import service as projects
from supafleet.settings import Settings
from supafleet.studio import schemas
from supafleet.studio.service import reveal_keys

#: What Studio calls the regions; it sends these names, where other clients send codes.
_REGIONS = {
    "West US (North California)": "us-west-1",
    "East US (North Virginia)": "us-east-1",
    "East US (Ohio)": "us-east-2",
    "Canada (Central)": "ca-central-1",
    "West EU (Ireland)": "eu-west-1",
    "West Europe (London)": "eu-west-2",
    "West EU (Paris)": "eu-west-3",
    "Central EU (Frankfurt)": "eu-central-1",
    "Central Europe (Zurich)": "eu-central-2",
    "North EU (Stockholm)": "eu-north-1",
    "South Asia (Mumbai)": "ap-south-1",
    "Southeast Asia (Singapore)": "ap-southeast-1",
    "Northeast Asia (Tokyo)": "ap-northeast-1",
    "Northeast Asia (Seoul)": "ap-northeast-2",
    "Oceania (Sydney)": "ap-southeast-2",
    "South America (São Paulo)": "sa-east-1",
}
_VERSION_FIELD = "custom_supabase_internal_requests.ami.search_tags.tag:postgresVersion"
#: Fields of `/v1` that Studio names otherwise.
_NAMES = {"region": "db_region", "settings.site_url": "auth_site_url", "organization_slug": "org_id"}


def create_project(
    session: Session, jobs: JobEngine, body: schemas.ProjectCreate, actor: Actor, settings: Settings
) -> schemas.ProjectCreated:
    """Create the project and begin to bring it up.

    Raises:
        Forbidden, InvalidField, NameTaken, NothingFree: the request is refused; nothing stays.
    """
    wish = _translate(body, _slug_of(session, body.org_id, actor))
    try:
        project, _ = creation.create_project(session, jobs, wish, actor, settings)
    except InvalidField as error:
        raise InvalidField(_name(error.field), error.message.removeprefix(f"{error.field}: ")) from None
    host = hosts.get_host(session, project.host_id)
    keys = reveal_keys(session, project, actor, settings)
    return schemas.ProjectCreated(
        id=row_id(project),
        ref=project.ref,
        name=project.name,
        status=projects.served_status(project, host, settings, utc_now()).status,
        organization_id=project.organization_id,
        region=project.region,
        inserted_at=project.created_at,
        endpoint=projects.public_url(project, host),
        anon_key=keys.anon,
        service_key=keys.service_role,
    )


def _slug_of(session: Session, organization_id: int, actor: Actor) -> str:
    for organization in organizations.list_organizations(session, actor):
        if row_id(organization) == organization_id:
            return organization.slug
    # The numbers of others are easy to guess, so nothing tells whether one exists.
    raise Forbidden(
        f"org_id: the account {quote(actor.username)} belongs to no organization with the number {organization_id}."
    )


def _translate(body: schemas.ProjectCreate, slug: str) -> official.ProjectCreate:
    values = {
        "name": body.name,
        "organization_slug": slug,
        "db_pass": body.db_pass,
        "region": _REGIONS.get(body.db_region, body.db_region) if body.db_region else None,
        "desired_instance_size": body.desired_instance_size or None,
        "release": _release(body.custom_supabase_internal_requests.ami.search_tags.postgres_version),
        "settings": {"site_url": body.auth_site_url} if body.auth_site_url else None,
    }
    try:
        return official.ProjectCreate.model_validate(values)
    except ValidationError as error:
        place, _, sentence = describe_validation_errors(error.errors()).partition(": ")
        raise InvalidField(_name(place), sentence) from None


def _release(version: str | None) -> str | None:
    """The newest release with this version of Postgres, such as 17 or 17.6.1.136; None when none is asked for."""
    if not version:
        return None
    known = {release: catalogue.postgres_version(release) for release in catalogue.release_names()}
    for release, carried in known.items():
        if f"{carried}.".startswith(f"{version}."):
            return release
    raise InvalidField(_VERSION_FIELD, f"no release carries Postgres {quote(version)}, only {allowed(known.values())}")


def _name(field: str) -> str:
    return _NAMES.get(field, field)
