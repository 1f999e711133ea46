"""`/v1/projects/{ref}/api-keys`."""

from typing import Annotated

from fastapi import Path, Query, status
from sqlmodel import Session

from supafleet import access
from supafleet.accounts.service import Actor
from supafleet.api_keys import service
from supafleet.api_keys.schemas import ApiKeyCreate, ApiKeyPatch, ApiKeyResponse, LegacyKeys
from supafleet.api_keys.service import Owner
from supafleet.audit import trail
from supafleet.db import SessionDep, row_id
from supafleet.deps import CurrentActor, ProjectRef, SettingsDep, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.projects import service as projects
from supafleet.projects.changing import ChangerDep
from supafleet.projects.models import Project
from supafleet.routing import Router

router = Router(prefix="/v1/projects/{ref}/api-keys", tags=["Secrets"])

KeyId = Annotated[str, Path(description="Id of the key.", max_length=64)]
Reveal = Annotated[bool, Query(description="Show secret keys in full.")]
_REFUSALS = responses(401, 403, 404, 409, 422, 502)
#: A legacy key is none that can be changed.
_REFUSALS_OF_ONE = responses(400, 401, 403, 404, 409, 422, 502)


@router.get(
    "",
    operation_id="v1-get-project-api-keys",
    responses=responses(401, 403, 404, 422),
    dependencies=needs(Permission.API_GATEWAY_KEYS_READ),
)
def list_api_keys(
    ref: ProjectRef, session: SessionDep, actor: CurrentActor, settings: SettingsDep, reveal: Reveal = False
) -> list[ApiKeyResponse]:
    """List the keys that the project's gateway takes; secret ones are masked unless they are asked to be revealed."""
    project = projects.get_project(session, ref, actor)
    _check_reveal(session, project, actor, reveal)
    return service.list_keys(session, _owner(project), settings, reveal=reveal)


@router.post(
    "",
    operation_id="v1-create-project-api-key",
    status_code=status.HTTP_201_CREATED,
    responses=_REFUSALS,
    dependencies=needs(Permission.API_GATEWAY_KEYS_WRITE),
)
def create_api_key(
    changer: ChangerDep,
    body: ApiKeyCreate,
    reveal: Reveal = False,
) -> ApiKeyResponse:
    """Make a publishable or a secret key; the answer comes when the gateway takes it."""
    with changer.begin() as change:
        _check_reveal(change.session, change.project, changer.actor, reveal)
        key = service.create_key(change.session, _owner(change.project), body, changer.settings, reveal=reveal)
        change.converge("An API key was made.")
    return key


@router.get(
    "/legacy",
    operation_id="v1-get-project-legacy-api-keys",
    responses=responses(401, 403, 404),
    dependencies=needs(Permission.API_GATEWAY_KEYS_READ),
)
def get_legacy_keys(ref: ProjectRef, session: SessionDep, actor: CurrentActor) -> LegacyKeys:
    """Tell whether the gateway takes the JWT keys anon and service_role."""
    return LegacyKeys(enabled=_owner(projects.get_project(session, ref, actor)).has_legacy_keys)


@router.put(
    "/legacy",
    operation_id="v1-update-project-legacy-api-keys",
    responses=_REFUSALS,
    dependencies=needs(Permission.API_GATEWAY_KEYS_WRITE),
)
def put_legacy_keys(
    changer: ChangerDep,
    enabled: Annotated[bool, Query(description="Whether the gateway takes the JWT keys.")],
) -> LegacyKeys:
    """Switch the JWT keys on or off; the answer comes when the gateway does so."""
    with changer.begin() as change:
        if _owner(change.project).has_legacy_keys != enabled:
            change.project.settings = {**change.project.settings, "legacy_api_keys": enabled}
            reason = f"The legacy API keys were switched {'on' if enabled else 'off'}."
            change.converge(reason)
    return LegacyKeys(enabled=enabled)


@router.get(
    "/{id}",
    operation_id="v1-get-project-api-key",
    responses=responses(401, 403, 404, 422),
    dependencies=needs(Permission.API_GATEWAY_KEYS_READ),
)
def get_api_key(
    ref: ProjectRef,
    id: KeyId,  # noqa: A002 - the official name
    session: SessionDep,
    actor: CurrentActor,
    settings: SettingsDep,
    reveal: Reveal = False,
) -> ApiKeyResponse:
    """Tell one key; a secret one is masked unless it is asked to be revealed."""
    project = projects.get_project(session, ref, actor)
    _check_reveal(session, project, actor, reveal)
    return service.get_key(session, _owner(project), id, settings, reveal=reveal)


@router.patch(
    "/{id}",
    operation_id="v1-update-project-api-key",
    responses=_REFUSALS_OF_ONE,
    dependencies=needs(Permission.API_GATEWAY_KEYS_WRITE),
)
def change_api_key(
    changer: ChangerDep,
    id: KeyId,  # noqa: A002 - the official name
    body: ApiKeyPatch,
    reveal: Reveal = False,
) -> ApiKeyResponse:
    """Give a key another name or description; the key itself never changes."""
    with changer.begin() as change:
        _check_reveal(change.session, change.project, changer.actor, reveal)
        key, is_renamed = service.change_key(
            change.session, _owner(change.project), id, body, changer.settings, reveal=reveal
        )
        if is_renamed:
            change.converge("An API key was renamed.")
    return key


@router.delete(
    "/{id}",
    operation_id="v1-delete-project-api-key",
    responses=_REFUSALS_OF_ONE,
    dependencies=needs(Permission.API_GATEWAY_KEYS_WRITE),
)
def delete_api_key(
    changer: ChangerDep,
    id: KeyId,  # noqa: A002 - the official name
    reveal: Reveal = False,
    was_compromised: Annotated[
        bool | None, Query(description="Whether somebody got to know the key; kept in the record of changes.")
    ] = None,
    reason: Annotated[
        str | None, Query(description="Why it is deleted; kept in the record of changes.", max_length=512)
    ] = None,
) -> ApiKeyResponse:
    """Delete a key; the answer comes when the gateway refuses it."""
    if was_compromised is not None:
        trail.note_target(was_compromised="true" if was_compromised else "false")
    if reason is not None:
        trail.note_target(reason=reason)
    with changer.begin() as change:
        _check_reveal(change.session, change.project, changer.actor, reveal)
        key = service.remove_key(change.session, _owner(change.project), id, changer.settings, reveal=reveal)
        change.converge("An API key was deleted.")
    return key


def _owner(project: Project) -> Owner:
    has_legacy_keys = bool(project.settings.get("legacy_api_keys", True))
    return Owner(row_id(project), project.created_at, has_legacy_keys)


def _check_reveal(session: Session, project: Project, actor: Actor, reveal: bool) -> None:
    if reveal:
        access.require(session, project.organization_id, actor, Permission.API_GATEWAY_KEYS_SECRET_READ)
