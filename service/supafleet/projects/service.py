"""The rules of projects: reading, and what runs say about them; creating and the verbs have modules of their own."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlmodel import Session

from supafleet.accounts.service import Actor
from supafleet.api_keys import service as api_keys
from supafleet.db import Besides, row_id
from supafleet.errors import Forbidden, ProjectNotFound, quote
from supafleet.functions import service as functions
from supafleet.hosts import service as hosts
from supafleet.hosts.models import DockerHost
from supafleet.jobs.engine import JobEngine
from supafleet.organizations import service as organizations
from supafleet.organizations.models import Organization, Place
from supafleet.projects import repository
from supafleet.projects.fold import ProjectState, ServiceState, initial_state
from supafleet.projects.models import Placed, Project, ProjectService
from supafleet.projects.states import UNDERWAY, Desired, Observed, Served, Status, move, serve, summarize
from supafleet.runs import service as runs
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import RunKind
from supafleet.secrets import service as secrets
from supafleet.settings import Settings
from supafleet.stack.gateway import OWN_SECRET

_Found = TypeVar("_Found")

#: What a request for a run changes of its project at once.
_TAKEN_BACK = ("status", "status_reason", "desired_state")

#: The owner's environment variables, kept among the project's secrets.
ENVIRONMENT_SECRET = "settings.environment"  # noqa: S105 - a name
#: What only this service logs in to a database with: no container is given it.
DATABASE_SECRETS = "database."


def find_project(session: Session, ref: str) -> Project | None:
    """The project, or None when there is none or it was removed."""
    return repository.find_project(session, ref)


def get_project(session: Session, ref: str, actor: Actor) -> Project:
    """The project, for a member of its organization.

    Raises:
        ProjectNotFound: there is none, or it was removed.
        Forbidden: the account does not belong to its organization.
    """
    return get_placed_project(session, ref, actor).project


def get_placed_project(session: Session, ref: str, actor: Actor) -> Placed:
    """The project with its organization and its Docker host, for a member.

    Raises:
        ProjectNotFound, Forbidden: as `get_project`.
    """
    return _for_member(repository.find_placed(session, ref, actor.account_id), ref, actor)


def lock_project(session: Session, ref: str, actor: Actor | None = None) -> Project:
    """The project, its row locked until the transaction ends; with an actor, for a member of its organization.

    Raises:
        ProjectNotFound, Forbidden: as `get_project`.
    """
    if actor is not None:
        get_project(session, ref, actor)
    project = repository.lock_project(session, ref)
    if project is None:
        raise ProjectNotFound(ref)
    return project


def place_besides(ref: str) -> Besides:
    """What tells where an account stands with the project's owner, for the statement that finds the account."""
    return Besides(repository.with_place, {"ref": ref})


def place_of(ref: str, told: Sequence[Any]) -> Place:
    """Where the account stands with the organization that owns the project, as `place_besides` told it.

    Raises:
        ProjectNotFound: there is none, or it was removed.
    """
    place = Place.of(told)
    if place is None:
        raise ProjectNotFound(ref)
    return place


def list_placed_projects(session: Session, actor: Actor) -> list[Placed]:
    """The projects of the account's organizations, oldest first."""
    return repository.list_placed(session, actor.account_id)


def search_projects(session: Session, organization_id: int, search: str | None, sort: str) -> list[Project]:
    """The organization's projects whose name or ref holds a text, in the order `name_asc`, `created_desc` and so on."""
    return repository.search_projects(session, organization_id, search, sort)


def count_by_host(session: Session) -> dict[int, int]:
    """Projects by id of their Docker host."""
    return repository.count_projects_by_host(session)


def had_any(session: Session) -> bool:
    """Whether the database has projects, or had some."""
    return repository.had_any(session)


def served_status(project: Project, host: DockerHost, settings: Settings, now: datetime) -> Served:
    """The status that is told at this time."""
    return serve(
        project.status,
        project.status_reason,
        project.observed_at,
        now=now,
        deadline=timedelta(seconds=settings.observation_deadline_seconds),
        why_unseen=host.observation_error,
    )


def services_of(session: Session, project: Project) -> dict[str, ProjectService]:
    """What was last seen of the project's services, by name."""
    return {row.name: row for row in repository.list_services(session, [row_id(project)])}


def reveal_secrets(session: Session, project: Project, settings: Settings) -> dict[str, str]:
    """The project's secrets in the clear."""
    return secrets.reveal_secrets(session, row_id(project), settings)


def gateway_key(project: Project, values: Mapping[str, str]) -> str:
    """The key with which the service itself passes the project's gateway: legacy keys may be switched off."""
    has_legacy_keys = project.settings.get("legacy_api_keys", True)
    return values["service_role_key"] if has_legacy_keys else values[OWN_SECRET]


def request_run(
    session: Session,
    jobs: JobEngine,
    kind: RunKind,
    project: Project,
    actor: str,
    *,
    driver: str = "api",
    reason: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Run:
    """Request a run of the project in this transaction, before anything of the project is changed for it.

    Raises:
        ProjectBusy: another run that changes the project has not ended.
    """
    host = hosts.get_host(session, project.host_id)
    return runs.request_run(
        session,
        jobs,
        kind,
        project.ref,
        host=host.name,
        actor=actor,
        driver=driver,
        reason=reason,
        options=options,
        project_before={name: getattr(project, name) for name in _TAKEN_BACK},
    )


def run_inputs(session: Session, ref: str, settings: Settings) -> dict[str, Any]:
    """What a run of the project needs: `project` and `docker_host` as the inventory has them, `secrets` in the clear.

    `project` carries `ref` and the keys of a ProjectEntry; `docker_host` carries those of a DockerHostEntry.
    """
    project = _require(session, ref)
    host = hosts.get_host(session, project.host_id)
    organization = organizations.get_organization_by_id(session, project.organization_id)
    values = secrets.reveal_secrets(session, row_id(project), settings)
    values = {name: value for name, value in values.items() if not name.startswith(DATABASE_SECRETS)}
    environment = json.loads(values.pop(ENVIRONMENT_SECRET, "{}"))
    return {
        "project": _inventory_project(project, host, organization, settings, environment),
        "docker_host": hosts.inventory_entry(host),
        "secrets": values,
    }


def function_files(session: Session, ref: str) -> tuple[str, dict[str, bytes]]:
    """What a run of the project puts on its host of the deployed edge functions: their index, and files by path.

    Raises:
        ProjectNotFound: there is none, or it was removed.
    """
    return functions.run_files(session, row_id(_require(session, ref)))


def orphan_inputs(session: Session, ref: str, host_name: str, settings: Settings) -> dict[str, Any]:
    """What the removal of a project that nobody knows any more needs: only its name and its place."""
    host = hosts.find_host(session, host_name)
    # The inventory wants a port and a subnet; a removal takes no leases, and gives back those on record.
    project = {
        "ref": ref,
        "host": host.name,
        "release": settings.default_release,
        "flavour": "sandbox",
        "size": settings.default_size,
        "gateway_port": host.port_first,
        "subnet": f"{host.subnet_pool.partition('/')[0].rsplit('.', 1)[0]}.0/24",
    }
    return {"project": project, "docker_host": hosts.inventory_entry(host), "secrets": {}}


def public_url(project: Project, host: DockerHost) -> str:
    """Where clients reach the project: as its owner set it, such as a proxy's address, else its gateway's own."""
    return str(project.settings.get("public_url") or hosts.gateway_url(host, project.gateway_port)).rstrip("/")


def database_host(ref: str, settings: Settings) -> str:
    """Where clients find the project's database."""
    return f"db.{ref}.{settings.project_domain}"


def folded_state(session: Session, ref: str) -> ProjectState:
    """What is stored of the project, as the state that `fold` goes on from.

    Raises:
        ProjectNotFound: there is none, or it was removed.
    """
    project = _require(session, ref)
    seen = {
        name: ServiceState(name, row.phase, row.exit_code, row.restart_count, row.image, row.observed_at)
        for name, row in services_of(session, project).items()
    }
    return replace(
        initial_state(),
        status=project.status,
        reason=project.status_reason,
        services={**initial_state().services, **seen},
        observed_at=project.observed_at,
    )


def apply_state(session: Session, ref: str, state: ProjectState, now: datetime) -> None:
    """Store a state that `fold` came to; a removal that was seen gives back what the project occupied.

    A sighting older than the stored one is dropped. A project that was removed meanwhile stays removed.

    Raises:
        IllegalTransition: the stored status does not lead to the folded one.
    """
    project = repository.lock_project(session, ref)
    if project is None:
        return
    if state.observed_at is not None and (project.observed_at is None or state.observed_at > project.observed_at):
        _store_services(session, project, state.services.values(), state.observed_at)
        project.observed_at = state.observed_at
        project.observed_state = summarize({name: seen.phase for name, seen in state.services.items()})
    # A project whose removal failed is not well because its rest is: what is wanted is that it is gone.
    if project.desired_state != Desired.REMOVED or state.status not in (Status.ACTIVE_HEALTHY, project.status):
        _store_status(session, project, state, now)
    project.updated_at = now
    session.add(project)
    session.flush()


def take_back(session: Session, ref: str, before: Mapping[str, Any] | None, now: datetime) -> bool:
    """Make the project what it was before a run that has done nothing was asked for; whether that is known.

    Args:
        before: the `project_before` of the run.
    """
    project = repository.lock_project(session, ref)
    if project is None or before is None or before["status"] in UNDERWAY:
        return False
    # No transition of the table: nothing happened to the project.
    project.sqlmodel_update({**before, "updated_at": now})
    session.add(project)
    session.flush()
    return True


def note_attempt(session: Session, ref: str) -> int | None:
    """Remember that a run sets out to apply all that is wished now; the generation of it.

    Nothing is noted for a project that was removed.
    """
    project = repository.find_project(session, ref)
    if project is None:
        return None
    project.attempted_generation = project.desired_generation
    session.add(project)
    return project.desired_generation


def note_applied(session: Session, ref: str, generation: int) -> None:
    """Remember that what was wished up to this generation was seen to be applied."""
    project = repository.find_project(session, ref)
    if project is not None and generation > project.applied_generation:
        project.applied_generation = generation
        session.add(project)


def _store_status(session: Session, project: Project, state: ProjectState, now: datetime) -> None:
    target = Status(state.status)
    project.status = move(project.status, target, verb=f"become {target}")
    project.status_reason = state.reason
    if target == Status.REMOVED:
        project.observed_state = Observed.ABSENT
        project.removed_at = now
        repository.delete_leases(session, row_id(project))
        repository.delete_services(session, row_id(project))
        secrets.delete_secrets(session, row_id(project))
        functions.remove_all(session, row_id(project))
        api_keys.forget_all(session, row_id(project))


def _store_services(session: Session, project: Project, seen: Iterable[ServiceState], observed_at: datetime) -> None:
    rows = services_of(session, project)
    for service in seen:
        row = rows.pop(service.name, None)
        values = {
            "phase": service.phase,
            "exit_code": service.exit_code,
            "restart_count": service.restart_count,
            # A look while containers are being made sees no image yet: the known one stays.
            "image": service.image or (row.image if row else None),
            "observed_at": service.observed_at or observed_at,
        }
        if row is None:
            row = ProjectService.model_validate({"project_id": row_id(project), "name": service.name, **values})
        else:
            row.sqlmodel_update(values)
        session.add(row)
    for gone in rows.values():  # a stranger; a service of the release that is gone was seen missing
        session.delete(gone)


def _inventory_project(
    project: Project, host: DockerHost, organization: Organization, settings: Settings, environment: dict[str, Any]
) -> dict[str, Any]:
    return {
        "ref": project.ref,
        "name": project.name,
        "organization_name": organization.name,
        "host": host.name,
        "release": project.release,
        "flavour": project.flavour,
        "size": project.size,
        "gateway_port": project.gateway_port,
        "subnet": project.subnet,
        "registry_prefix": settings.registry_prefix,
        "settings": project.settings | ({"environment": environment} if environment else {}),
    }


def _for_member(found: tuple[_Found, bool] | None, ref: str, actor: Actor) -> _Found:
    if found is None:
        raise ProjectNotFound(ref)
    project, is_member = found
    if not is_member:
        raise Forbidden(f"The account {quote(actor.username)} does not belong to the organization of this project.")
    return project


def _require(session: Session, ref: str) -> Project:
    project = repository.find_project(session, ref)
    if project is None:
        raise ProjectNotFound(ref)
    return project
