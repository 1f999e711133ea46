"""Changing a project's settings: each change raises its generation, and one converge follows for all that came."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from supafleet.accounts.service import Actor
from supafleet.db import reading, row_id, unit_of_work
from supafleet.errors import HostFailed, IllegalTransition, InvalidField, describe_validation_errors
from supafleet.jobs.engine import JobEngine
from supafleet.projects import repository, service
from supafleet.projects.creation import NameTaken
from supafleet.projects.models import Project
from supafleet.projects.schemas import ProjectPatch
from supafleet.projects.states import LIVE, Desired, Status
from supafleet.runs import service as runs
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import RunKind
from supafleet.secrets import service as secrets
from supafleet.settings import Settings
from supafleet.stack.settings import ProjectSettings

_POLL_SECONDS = 0.2
# Most changes are applied within seconds; hundreds of requests that wait for others must not keep the database busy.
_HASTY_SECONDS, _PATIENT_POLL_SECONDS = 10.0, 1.0
_APPLY_SECONDS = 300.0
_COMING = LIVE | {Status.COMING_UP, Status.RESTARTING, Status.RESTORING}


class NotApplied(HostFailed):
    """The change is stored, but the project is not what it says."""

    code = "not_applied"


def change_project(session: Session, project: Project, patch: ProjectPatch, settings: Settings) -> bool:
    """Store what the patch asks for of a locked project; whether there is something to apply.

    A run that is underway is no hindrance: the converge follows it.

    Raises:
        InvalidField: the settings that would come of it are not valid; nothing is changed.
    """
    if patch.self_healing is not None:
        project.self_healing, project.heals, project.heal_after = patch.self_healing, 0, None
    before = _known_settings(session, project, settings)
    is_changed = patch.settings is not None and _store(session, project, before, patch.settings, settings)
    session.add(project)
    return is_changed


def rewrite_settings(
    session: Session,
    project: Project,
    rewrite: Callable[[ProjectSettings], Mapping[str, Any]],
    settings: Settings,
) -> bool:
    """Store what `rewrite` makes of a locked project's settings; whether there is something to apply.

    Raises:
        InvalidField: the settings that would come of it are not valid; nothing is changed.
    """
    before = _known_settings(session, project, settings)
    return _store(session, project, before, rewrite(ProjectSettings.model_validate(before)), settings)


def rename_project(session: Session, project: Project, name: str) -> bool:
    """Give a locked project another name, which its Studio shows too; whether there is something to apply.

    Raises:
        NameTaken: another project of the organization has the name.
    """
    if project.name == name:
        return False
    if repository.find_project_by_name(session, project.organization_id, name) is not None:
        raise NameTaken(name)
    project.name = name
    try:
        with session.begin_nested():
            session.add(project)
            session.flush()
    except IntegrityError:
        raise NameTaken(name) from None
    return True


def stored_settings(session: Session, ref: str, actor: Actor, settings: Settings) -> ProjectSettings:
    """All settings of the project, with its owner's environment variables in the clear."""
    project = service.get_project(session, ref, actor)
    return ProjectSettings.model_validate(_known_settings(session, project, settings))


def lock_for_change(session: Session, ref: str, actor: Actor) -> Project:
    """The project, locked until the transaction ends.

    Raises:
        ProjectNotFound, Forbidden: there is none for this account.
        IllegalTransition: the project is going.
    """
    project = service.lock_project(session, ref, actor)
    if project.desired_state == Desired.REMOVED:
        raise IllegalTransition(f"A project that is {project.status} cannot be changed.")
    return project


def request_converge(session: Session, jobs: JobEngine, project: Project, actor: Actor, reason: str) -> int | None:
    """Wish what is stored of a locked project; the generation that will be applied, or None when nothing has to be."""
    project.desired_generation += 1
    if project.status in LIVE and runs.unfinished_run(session, project.ref) is None:
        service.request_run(session, jobs, RunKind.PROJECT_CONVERGE, project, actor.username, reason=reason)
    session.add(project)
    session.flush()
    # A paused project applies it when it is resumed; one that failed to come up, when it is restarted.
    return project.desired_generation if project.status in _COMING else None


def keep_secret(session: Session, ref: str, name: str, value: str, settings: Settings, *, replace: bool = False) -> str:
    """The project's secret of this name: the value when there is none yet, or when it shall be replaced.

    Raises:
        ProjectNotFound: there is none, or it was removed.
    """
    project = service.lock_project(session, ref)
    present = secrets.reveal_secrets(session, row_id(project), settings).get(name)
    if present is not None and not replace:
        return present
    secrets.replace_secret(session, row_id(project), name, value, settings)
    return value


def change_secrets(
    session: Session,
    jobs: JobEngine,
    ref: str,
    changed: Mapping[str, str | None],
    actor: Actor,
    reason: str,
    settings: Settings,
) -> int | None:
    """Store secrets, None to forget one; the generation that will be applied, or None when nothing has to be.

    Raises:
        ProjectNotFound: there is none, or it was removed.
    """
    project = service.lock_project(session, ref)
    for name, value in changed.items():
        secrets.replace_secret(session, row_id(project), name, value, settings)
    return request_converge(session, jobs, project, actor, reason)


def wait_until_applied(engine: Engine, ref: str, generation: int | None) -> None:
    """Return once what `request_converge` gave was seen to be applied; at once when that is None.

    A project that was paused meanwhile applies it when it is resumed: nobody waits for that.

    Raises:
        NotApplied: the run that tried it failed, none will try it by itself, or five minutes are over.
    """
    if generation is None:
        return
    began = time.monotonic()
    while True:
        with reading(engine) as session:
            project = repository.find_project(session, ref)
            if project is None or project.applied_generation >= generation:
                return
            may_come = _may_be_applied(session, project, generation)
        if not may_come and _is_settled(engine, ref, generation):
            return
        waited = time.monotonic() - began
        if waited >= _APPLY_SECONDS:
            raise NotApplied(f"The change is stored but was not applied within {_APPLY_SECONDS:g} s; it still may be.")
        time.sleep(_POLL_SECONDS if waited < _HASTY_SECONDS else _PATIENT_POLL_SECONDS)


def _is_settled(engine: Engine, ref: str, generation: int) -> bool:
    """Whether nobody need wait any more, judged under the project's lock: a run ends and tells its project so at once.

    Raises:
        NotApplied: the run that tried it failed, or none will try it by itself.
    """
    with unit_of_work(engine) as session:
        project = repository.lock_project(session, ref)
        if project is None or project.applied_generation >= generation:
            return True
        run = runs.latest_run(session, ref)
        if run is not None and _has_failed(run, generation):
            raise NotApplied(f"The change is stored but was not applied: {run.explanation}")
        if _may_be_applied(session, project, generation):
            return False
        if project.status == Status.INACTIVE:
            return True
        why = project.status_reason or f"The project is {project.status}."
        raise NotApplied(f"The change is stored but was not applied: {why}")


def _may_be_applied(session: Session, project: Project, generation: int) -> bool:
    """Whether a run is underway, or a converge will be asked for by itself."""
    is_wanted = project.status in LIVE and project.desired_state == Desired.ACTIVE
    is_overdue = is_wanted and project.attempted_generation < generation
    return is_overdue or runs.unfinished_run(session, project.ref) is not None


def _has_failed(run: Run, generation: int) -> bool:
    return run.ended_at is not None and (run.generation or 0) >= generation


def _known_settings(session: Session, project: Project, settings: Settings) -> dict[str, Any]:
    known = secrets.reveal_secrets(session, row_id(project), settings)
    environment = json.loads(known.get(service.ENVIRONMENT_SECRET, "{}"))
    return project.settings | ({"environment": environment} if environment else {})


def _store(
    session: Session, project: Project, before: Mapping[str, Any], wishes: Mapping[str, Any], settings: Settings
) -> bool:
    """Merge the wishes, name by name; null takes a setting back to its default. Whether anything is different."""
    merged = {name: value for name, value in {**before, **wishes}.items() if value is not None}
    try:
        after = ProjectSettings.model_validate(merged).model_dump(mode="json", exclude_unset=True)
    except ValidationError as error:
        place, _, sentence = describe_validation_errors(error.errors(), ("settings",)).partition(": ")
        raise InvalidField(place, sentence) from None
    if after == before:
        return False
    environment = after.pop("environment", None)
    project.settings = after
    text = json.dumps(environment) if environment else None
    secrets.replace_secret(session, row_id(project), service.ENVIRONMENT_SECRET, text, settings)
    return True
