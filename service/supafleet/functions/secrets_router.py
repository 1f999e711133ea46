"""`/v1/projects/{ref}/secrets`."""

from typing import Annotated

from fastapi import Body, Response, status

from supafleet.answers import empty
from supafleet.db import SessionDep, row_id
from supafleet.deps import CurrentActor, ProjectRef, SettingsDep, needs
from supafleet.errors import responses
from supafleet.functions import variables
from supafleet.functions.schemas import SecretCreate, SecretResponse
from supafleet.permissions import Permission
from supafleet.projects import service as projects
from supafleet.projects.changing import ChangerDep
from supafleet.routing import Router

router = Router(prefix="/v1/projects/{ref}/secrets", tags=["Secrets"])

_REFUSALS = responses(401, 403, 404, 409, 422, 502)


@router.get(
    "",
    operation_id="v1-list-all-secrets",
    responses=responses(401, 403, 404),
    dependencies=needs(Permission.EDGE_FUNCTIONS_SECRETS_READ),
)
def list_secrets(
    ref: ProjectRef, session: SessionDep, actor: CurrentActor, settings: SettingsDep
) -> list[SecretResponse]:
    """List the secrets of the edge functions by name, with digests in the place of values."""
    return variables.list_variables(session, row_id(projects.get_project(session, ref, actor)), settings)


@router.post(
    "",
    operation_id="v1-bulk-create-secrets",
    status_code=status.HTTP_201_CREATED,
    response_class=Response,
    responses=_REFUSALS,
    dependencies=needs(Permission.EDGE_FUNCTIONS_SECRETS_WRITE),
)
def create_secrets(
    changer: ChangerDep, body: Annotated[list[SecretCreate], Body(max_length=variables.MOST_SECRETS)]
) -> Response:
    """Set secrets; the answer comes when the edge functions see them."""
    with changer.begin() as change:
        if variables.set_variables(change.session, row_id(change.project), body, changer.settings):
            change.converge("Function secrets were set.")
    return empty(status.HTTP_201_CREATED)


@router.delete(
    "",
    operation_id="v1-bulk-delete-secrets",
    response_class=Response,
    responses=_REFUSALS,
    dependencies=needs(Permission.EDGE_FUNCTIONS_SECRETS_WRITE),
)
def delete_secrets(
    changer: ChangerDep, body: Annotated[list[str], Body(max_length=variables.MOST_SECRETS)]
) -> Response:
    """Delete secrets, known or not; the answer comes when the edge functions do not see them any more."""
    with changer.begin() as change:
        if variables.unset_variables(change.session, row_id(change.project), body, changer.settings):
            change.converge("Function secrets were deleted.")
    return empty()
