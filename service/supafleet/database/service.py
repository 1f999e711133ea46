"""Which project a request is about, and what can be asked of it without a statement of the client's."""

from typing import Any

from sqlalchemy.engine import Engine

from supafleet.accounts.service import Actor
from supafleet.database import postgres
from supafleet.database.gateway import Answer, GatewayFailed, Gateways, ReachedProject
from supafleet.database.postgres import Login
from supafleet.database.schemas import Bucket, Context, ContextDatabase, Named
from supafleet.db import reading
from supafleet.errors import Conflict, InvalidField, quote
from supafleet.hosts import service as hosts
from supafleet.projects import service as projects
from supafleet.projects.models import Project
from supafleet.projects.states import Status
from supafleet.settings import Settings
from supafleet.stack.settings import ProjectSettings

_SENTENCES = {
    Status.INACTIVE: "is paused: restore it first",
    Status.PAUSING: "is being paused",
    Status.COMING_UP: "is coming up: its database answers when it is ACTIVE_HEALTHY",
    Status.RESTORING: "is being restored: its database answers when it is ACTIVE_HEALTHY",
    Status.GOING_DOWN: "is being removed",
    Status.INIT_FAILED: "never came up",
    Status.PAUSE_FAILED: "could not be paused: pause or restore it first",
    Status.RESTORE_FAILED: "could not be restored: restore it first",
}


class ProjectNotUp(Conflict):
    """Nobody answers for the project, and that is as it was wished."""

    code = "project_not_up"


class DataApiOff(Conflict):
    """The owner has switched the Data API off."""

    code = "data_api_off"


class WebhooksMissing(Conflict):
    """The database has lost what sends its webhooks."""

    code = "webhooks_missing"


def locate(engine: Engine, ref: str, actor: Actor, settings: Settings) -> ReachedProject:
    """The project with its gateway's address and its secrets, for a member of its organization.

    Raises:
        ProjectNotFound: there is none, or it was removed.
        Forbidden: the account does not belong to its organization.
        ProjectNotUp: it is paused, or not yet or no longer up.
    """
    with reading(engine) as session:
        placed = projects.get_placed_project(session, ref, actor)
        project = placed.project
        _require_up(project)
        url = hosts.gateway_url(placed.host, project.gateway_port)
        served = ProjectSettings.model_validate(project.settings).served_schemas
        values = projects.reveal_secrets(session, project, settings)
        return ReachedProject(ref, url, served, projects.gateway_key(project, values), values)


def _require_up(project: Project) -> None:
    """Refuse a project for which nobody answers.

    Raises:
        ProjectNotUp: it is paused, or not yet or no longer up.
    """
    sentence = _SENTENCES.get(Status(project.status))
    if sentence is not None:
        raise ProjectNotUp(f"Project {quote(project.ref)} {sentence}.")


async def generate_types(gateways: Gateways, project: ReachedProject, schemas: str) -> str:
    """TypeScript types of the tables, views and functions of schemas that are named with commas between them."""
    params = {"included_schemas": schemas, "detect_one_to_one_relationships": "true"}
    try:
        answer = await postgres.connected(
            gateways, project, Login.CATALOGUE, "GET", "/pg/generators/typescript", params=params
        )
        text = answer.body.decode()
    except UnicodeDecodeError:
        text = ""
    if "export type Database" not in text:
        raise GatewayFailed("The project's postgres-meta answered with something that is not TypeScript.")
    return text


async def read_context(gateways: Gateways, project: ReachedProject) -> Context:
    """The databases of the project's owner and their schemas."""
    found = await postgres.rows(gateways, project, Login.CATALOGUE, postgres.statement("context"))
    return Context(
        databases=[
            ContextDatabase(name=row["name"], schemas=[Named(name=name) for name in row["schemas"]]) for row in found
        ]
    )


async def require_webhooks(gateways: Gateways, project: ReachedProject) -> None:
    """Let the database have what sends its webhooks: every release makes it when the database is made.

    Raises:
        WebhooksMissing: the schema was dropped since.
    """
    (found,) = await postgres.rows(gateways, project, Login.CATALOGUE, postgres.statement("webhooks"))
    if not found["is_there"]:
        raise WebhooksMissing(
            f"The database of project {quote(project.ref)} has no schema supabase_functions any more, "
            "which its release made and its webhooks need."
        )


async def read_openapi(gateways: Gateways, project: ReachedProject, schema: str | None) -> dict[str, Any]:
    """What PostgREST says of the tables and functions it serves.

    Raises:
        DataApiOff: it serves nothing.
        InvalidField: PostgREST does not serve the schema.
    """
    if not project.api_schemas:
        raise DataApiOff(f"The Data API of project {quote(project.ref)} is off: its setting db_schemas is empty.")
    headers = {"Accept": "application/openapi+json"} | ({"Accept-Profile": schema} if schema else {})
    answer = await gateways.ask(project, "GET", "/rest/v1/", headers=headers)
    if answer.status == 406 and schema:
        raise InvalidField("schema", f"{quote(schema)} is not served: {_words(answer)}")
    document = _succeeded(answer, "PostgREST").document()
    if not isinstance(document, dict):
        raise GatewayFailed("The project's PostgREST answered with something that is not an OpenAPI document.")
    return document


async def list_buckets(gateways: Gateways, project: ReachedProject) -> list[Bucket]:
    """All buckets of the project's storage."""
    document = _succeeded(await gateways.ask(project, "GET", "/storage/v1/bucket"), "storage").document()
    try:
        return [Bucket.model_validate({**one, "owner": one.get("owner") or ""}) for one in document]
    except (AttributeError, TypeError, ValueError):
        raise GatewayFailed("The project's storage answered with something that is not a list of buckets.") from None


def _succeeded(answer: Answer, name: str) -> Answer:
    if answer.status != 200:
        raise GatewayFailed(f"The project's {name} answered {answer.status}: {_words(answer)}".rstrip(": ") + ".")
    return answer


def _words(answer: Answer) -> str:
    words = answer.refusal().get("message")
    return words.rstrip(".") if isinstance(words, str) else ""
