"""`/v1/projects/{ref}/functions`."""

from typing import Annotated

from fastapi import Body, Depends, Path, Query, Response, status

from supafleet.answers import empty
from supafleet.db import SessionDep, row_id
from supafleet.deps import CurrentActor, ProjectRef, needs
from supafleet.errors import AppError, InvalidField, responses
from supafleet.functions import service
from supafleet.functions.download import encode_body
from supafleet.functions.schemas import FunctionResponse, FunctionsUpdated, FunctionUpdate
from supafleet.functions.upload import MOST_BYTES, Slug, Upload, check_slug, read_upload
from supafleet.permissions import Permission
from supafleet.projects import service as projects
from supafleet.projects.changing import ChangerDep
from supafleet.routing import LARGEST_BODY, Router

router = Router(prefix="/v1/projects/{ref}/functions", tags=["Edge Functions"])

# The code of a function and what surrounds it.
_LARGEST_CODE = MOST_BYTES + LARGEST_BODY

FunctionSlug = Annotated[str, Path(description="Slug of the function.", max_length=128)]
_REFUSALS = responses(401, 403, 404, 409, 422, 502)
_FORM = {
    "type": "object",
    "required": ["file", "metadata"],
    "properties": {
        "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
        "metadata": {
            "type": "object",
            "required": ["entrypoint_path"],
            "properties": {
                "entrypoint_path": {"type": "string"},
                "import_map_path": {"type": "string"},
                "static_patterns": {"type": "array", "items": {"type": "string"}},
                "verify_jwt": {"type": "boolean"},
                "name": {"type": "string"},
            },
        },
    },
}


class NotBuilt(AppError):  # noqa: N818 - a sentence about what happened reads better
    """The official API has this and ours has not."""

    status_code = 501
    code = "not_built"

    def __init__(self) -> None:
        super().__init__("Bundles made on the client (eszip) are not taken: deploy with 'functions deploy --use-api'.")


@router.get(
    "",
    operation_id="v1-list-all-functions",
    responses=responses(401, 403, 404),
    response_model_exclude_none=True,
    dependencies=needs(Permission.EDGE_FUNCTIONS_READ),
)
def list_functions(ref: ProjectRef, session: SessionDep, actor: CurrentActor) -> list[FunctionResponse]:
    """List the functions that were deployed."""
    return service.list_functions(session, row_id(projects.get_project(session, ref, actor)), ref)


@router.post(
    "/deploy",
    operation_id="v1-deploy-a-function",
    status_code=status.HTTP_201_CREATED,
    responses=responses(401, 403, 404, 409, 413, 422, 502),
    response_model_exclude_none=True,
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}},
    dependencies=needs(Permission.EDGE_FUNCTIONS_WRITE),
    max_body_size=_LARGEST_CODE,
)
def deploy_function(
    changer: ChangerDep,
    upload: Annotated[Upload, Depends(read_upload)],
    slug: Annotated[Slug | None, Query(description="Slug of the function; unset: its name.")] = None,
    bundle_only: Annotated[
        bool, Query(alias="bundleOnly", description="Keep the code until a bulk update names it.")
    ] = False,
) -> FunctionResponse:
    """Deploy a function; the answer comes when the project calls this code."""
    chosen = slug or _slug_of_name(upload)
    with changer.begin() as change:
        if bundle_only:
            return service.store_only(change.session, row_id(change.project), change.project.ref, chosen, upload)
        function, is_changed = service.deploy(
            change.session, row_id(change.project), change.project.ref, chosen, upload
        )
        if is_changed:
            change.converge(f"The function {chosen} was deployed.")
    return function


@router.put(
    "",
    operation_id="v1-bulk-update-functions",
    responses=_REFUSALS,
    response_model_exclude_none=True,
    dependencies=needs(Permission.EDGE_FUNCTIONS_WRITE),
)
def update_functions(
    changer: ChangerDep, body: Annotated[list[FunctionUpdate], Body(max_length=service.MOST_FUNCTIONS)]
) -> FunctionsUpdated:
    """Let functions answer with code that was deployed with bundleOnly, all at once."""
    with changer.begin() as change:
        functions, is_changed = service.update_functions(
            change.session, row_id(change.project), change.project.ref, body
        )
        if is_changed:
            change.converge("Functions were deployed.")
    return FunctionsUpdated(functions=functions)


@router.post(
    "",
    operation_id="v1-create-a-function",
    include_in_schema=False,
    status_code=status.HTTP_201_CREATED,
    responses=responses(401, 403, 404, 501),
    max_body_size=_LARGEST_CODE,  # a bundle is told what to do instead, whatever its size
    dependencies=needs(Permission.EDGE_FUNCTIONS_WRITE),
)
def create_function(ref: ProjectRef) -> Response:  # noqa: ARG001 - its permission is asked for by the path
    """Refuse a bundle that was made on the client."""
    raise NotBuilt


@router.get(
    "/{function_slug}",
    operation_id="v1-get-a-function",
    responses=responses(401, 403, 404),
    response_model_exclude_none=True,
    dependencies=needs(Permission.EDGE_FUNCTIONS_READ),
)
def get_function(
    ref: ProjectRef, function_slug: FunctionSlug, session: SessionDep, actor: CurrentActor
) -> FunctionResponse:
    """Tell one function."""
    project = projects.get_project(session, ref, actor)
    return service.render(ref, *service.get_function(session, row_id(project), function_slug))


@router.patch(
    "/{function_slug}",
    operation_id="v1-update-a-function",
    include_in_schema=False,
    responses=responses(401, 403, 404, 501),
    max_body_size=_LARGEST_CODE,  # a bundle is told what to do instead, whatever its size
    dependencies=needs(Permission.EDGE_FUNCTIONS_WRITE),
)
def update_function(ref: ProjectRef, function_slug: FunctionSlug) -> Response:  # noqa: ARG001 - as above
    """Refuse a bundle that was made on the client."""
    raise NotBuilt


@router.delete(
    "/{function_slug}",
    operation_id="v1-delete-a-function",
    response_class=Response,
    responses=_REFUSALS,
    dependencies=needs(Permission.EDGE_FUNCTIONS_WRITE),
)
def delete_function(changer: ChangerDep, function_slug: FunctionSlug) -> Response:
    """Delete a function; the answer comes when the project does not call it any more."""
    with changer.begin() as change:
        if service.remove_function(change.session, row_id(change.project), function_slug):
            change.converge(f"The function {function_slug} was deleted.")
    return empty()


@router.get(
    "/{function_slug}/body",
    operation_id="v1-get-a-function-body",
    response_class=Response,
    responses={200: {"content": {"multipart/form-data": {}}}, **responses(401, 403, 404)},
    dependencies=needs(Permission.EDGE_FUNCTIONS_READ),
)
def get_function_body(
    ref: ProjectRef, function_slug: FunctionSlug, session: SessionDep, actor: CurrentActor
) -> Response:
    """Give the code of a function as a form: its metadata, then its files."""
    project = projects.get_project(session, ref, actor)
    _function, bundle = service.get_function(session, row_id(project), function_slug)
    body, content_type = encode_body(bundle.entrypoint_path, service.files_of(session, bundle))
    # Starlette would add a charset to a media type that it is told.
    return Response(body, headers={"Content-Type": content_type})


def _slug_of_name(upload: Upload) -> str:
    try:
        return check_slug(upload.name or "")
    except ValueError as error:
        raise InvalidField("slug", str(error)) from None
