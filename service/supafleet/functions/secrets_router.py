"""`/v1/projects/{ref}/secrets`."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Response, status

from supafleet.db import EngineDep, SessionDep, row_id, unit_of_work
from supafleet.deps import CurrentActor, JobsDep, SettingsDep, needs
from supafleet.errors import responses
from supafleet.functions import variables
from supafleet.functions.schemas import SecretCreate, SecretResponse
from supafleet.permissions import Permission
from supafleet.projects import configuration
from supafleet.projects import service as projects

router = APIRouter(prefix="/v1/projects/{ref}/secrets", tags=["Secrets"])

ProjectRef = Annotated[str, Path(description="Ref of the project: 20 lowercase letters.")]
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
    responses=_REFUSALS,
    dependencies=needs(Permission.EDGE_FUNCTIONS_SECRETS_WRITE),
)
def create_secrets(
    ref: ProjectRef,
    body: Annotated[list[SecretCreate], Body(max_length=variables.MOST_SECRETS)],
    engine: EngineDep,
    actor: CurrentActor,
    jobs: JobsDep,
    settings: SettingsDep,
) -> Response:
    """Set secrets; the answer comes when the edge functions see them."""
    generation = None
    with unit_of_work(engine) as session:
        project = configuration.lock_for_change(session, ref, actor)
        if variables.set_variables(session, row_id(project), body, settings):
            generation = configuration.request_converge(session, jobs, project, actor, "Function secrets were set.")
    configuration.wait_for(engine, ref, generation)
    return _empty(status.HTTP_201_CREATED)


@router.delete(
    "",
    operation_id="v1-bulk-delete-secrets",
    responses=_REFUSALS,
    dependencies=needs(Permission.EDGE_FUNCTIONS_SECRETS_WRITE),
)
def delete_secrets(
    ref: ProjectRef,
    body: Annotated[list[str], Body(max_length=variables.MOST_SECRETS)],
    engine: EngineDep,
    actor: CurrentActor,
    jobs: JobsDep,
    settings: SettingsDep,
) -> Response:
    """Delete secrets, known or not; the answer comes when the edge functions do not see them any more."""
    generation = None
    with unit_of_work(engine) as session:
        project = configuration.lock_for_change(session, ref, actor)
        if variables.unset_variables(session, row_id(project), body, settings):
            generation = configuration.request_converge(session, jobs, project, actor, "Function secrets were deleted.")
    configuration.wait_for(engine, ref, generation)
    return _empty(status.HTTP_200_OK)


def _empty(status_code: int) -> Response:
    # Official clients expect no body and no content type.
    return Response(status_code=status_code, headers={"Content-Length": "0"})
