"""Creating a project: everything it occupies is taken in the one transaction that also requests its run."""

import json
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from supafleet import access
from supafleet.accounts.service import Actor
from supafleet.audit import trail
from supafleet.db import row_id
from supafleet.errors import Conflict, InvalidField, NothingFree, allowed, quote
from supafleet.hosts import service as hosts
from supafleet.hosts.models import DockerHost
from supafleet.jobs.engine import JobEngine
from supafleet.keys import generate_project_secrets
from supafleet.organizations import service as organizations
from supafleet.organizations.models import Organization
from supafleet.permissions import Permission
from supafleet.projects import catalogue, repository, service
from supafleet.projects.models import PortLease, Project, SubnetLease
from supafleet.projects.placement import Place, Wish, choose_place, choose_port, choose_subnet, leased_to_strangers
from supafleet.projects.schemas import ProjectCreate, SpecificRegion
from supafleet.projects.states import Desired, Observed, Status
from supafleet.runs.vocabulary import RunKind
from supafleet.secrets import service as secrets
from supafleet.settings import Settings

_LEASE_ATTEMPTS = 10


class NameTaken(Conflict):
    """The organization has a project of this name."""

    code = "name_taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"name: the organization already has a project named {quote(name)}.")


def create_project(
    session: Session, jobs: JobEngine, body: ProjectCreate, actor: Actor, settings: Settings
) -> tuple[Project, Organization]:
    """Insert the project with its leases and secrets, and request the run that brings it up.

    Raises:
        OrganizationNotFound, Forbidden, InvalidField, NameTaken, NothingFree: the request is refused; nothing stays.
    """
    organization = organizations.get_organization(session, body.organization_slug, actor)
    access.require(session, row_id(organization), actor, Permission.ORGANIZATION_PROJECTS_CREATE)
    release = body.release or settings.default_release
    _check_engine(body, release)
    if repository.find_project_by_name(session, row_id(organization), body.name) is not None:
        raise NameTaken(body.name)
    place = choose_place(hosts.list_hosts(session), repository.count_projects_by_host(session), _wish(body))
    # From here on other creates on this host wait; what they took before is visible.
    hosts.lock_host(session, place.host)
    project = _insert_with_leases(session, body, organization, place, settings, release)
    values = generate_project_secrets(body.db_pass.get_secret_value())
    secrets.store_secrets(session, row_id(project), values | _secret_settings(body), settings)
    service.request_run(session, jobs, RunKind.PROJECT_CREATE, project, actor.username)
    session.flush()
    trail.note_target(ref=project.ref)
    return project, organization


def _check_engine(body: ProjectCreate, release: str) -> None:
    engine = catalogue.postgres_engine(release)
    if body.postgres_engine not in (None, engine):
        raise InvalidField("postgres_engine", f"must be {allowed([engine])} in release {release}")


def _wish(body: ProjectCreate) -> Wish:
    selection = body.region_selection
    if selection is None:
        return Wish(host=body.host, region=body.region)
    if isinstance(selection, SpecificRegion):
        return Wish(host=body.host, region=selection.code)
    return Wish(host=body.host, region_group=selection.code)


def _insert_with_leases(
    session: Session, body: ProjectCreate, organization: Organization, place: Place, settings: Settings, release: str
) -> Project:
    for _ in range(_LEASE_ATTEMPTS):
        host_id = row_id(place.host)
        ports = repository.leased_ports(session, host_id) | leased_to_strangers(place.host, "port")
        subnets = repository.leased_subnets(session, host_id) | leased_to_strangers(place.host, "subnet")
        port = choose_port(place.host, ports, body.gateway_port)
        subnet = choose_subnet(place.host, subnets)
        try:
            with session.begin_nested():
                project = _insert_project(session, body, organization, place, settings, release, port, subnet)
                _insert_leases(session, project, place.host)
            return project
        except IntegrityError:
            # The constraints decide, not our look before: somebody took the name, the port or the subnet meanwhile.
            if repository.find_project_by_name(session, row_id(organization), body.name) is not None:
                raise NameTaken(body.name) from None
    raise NothingFree(f"Ports and subnets of the Docker host {place.host.name} are in demand: ask again.")


def _insert_project(
    session: Session,
    body: ProjectCreate,
    organization: Organization,
    place: Place,
    settings: Settings,
    release: str,
    port: int,
    subnet: str,
) -> Project:
    project = Project.model_validate(
        {
            "ref": organizations.generate_slug(),
            "organization_id": row_id(organization),
            "host_id": row_id(place.host),
            "name": body.name,
            "region": place.region,
            "release": release,
            "flavour": body.flavour or settings.default_flavour,
            "size": body.desired_instance_size or settings.default_size,
            "gateway_port": port,
            "subnet": subnet,
            "settings": _open_settings(body),
            "desired_state": Desired.ACTIVE,
            "status": Status.COMING_UP,
            "observed_state": Observed.UNSEEN,
        }
    )
    session.add(project)
    session.flush()
    return project


def _open_settings(body: ProjectCreate) -> dict[str, Any]:
    if body.settings is None:
        return {}
    return body.settings.model_dump(mode="json", exclude_unset=True, exclude={"environment"})


def _secret_settings(body: ProjectCreate) -> dict[str, str]:
    # Environment variables carry passwords of mail servers and the like, so they are kept as a secret is.
    if body.settings is None or not body.settings.environment:
        return {}
    return {service.ENVIRONMENT_SECRET: json.dumps(body.settings.environment)}


def _insert_leases(session: Session, project: Project, host: DockerHost) -> None:
    owner = {"host_id": row_id(host), "project_id": row_id(project)}
    session.add(PortLease.model_validate({**owner, "port": project.gateway_port}))
    session.add(SubnetLease.model_validate({**owner, "subnet": project.subnet}))
    session.flush()
