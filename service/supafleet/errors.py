"""The errors the service answers with, and the one place that renders them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from supafleet.middleware import TOO_LARGE


class ErrorBody(BaseModel):
    """Body of every answer that is not a success."""

    message: str = Field(description="One sentence that says what is wrong and what is allowed.")


class AppError(Exception):
    """A refusal with a sentence for the client."""

    status_code = 400
    code = "refused"

    def __init__(self, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.headers = dict(headers or {})


class Unauthorized(AppError):  # noqa: N818 - a sentence about what happened reads better
    """No token, or one that is not valid."""

    status_code = 401
    code = "unauthorized"

    def __init__(self) -> None:
        super().__init__(
            "Unauthorized: send a valid personal access token as 'Authorization: Bearer sbp_...'.",
            headers={"WWW-Authenticate": "Bearer"},
        )


class SignInRefused(AppError):  # noqa: N818 - a sentence about what happened reads better
    """A mail address, password or refresh token that opens nothing; it never says which part was wrong."""

    status_code = 401
    code = "sign_in_refused"

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"WWW-Authenticate": "Bearer"})


class TooManyRequests(AppError):  # noqa: N818 - a sentence about what happened reads better
    """It may be asked again later."""

    status_code = 429
    code = "too_many_requests"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after)})


class Forbidden(AppError):  # noqa: N818 - a sentence about what happened reads better
    """The account may not do this."""

    status_code = 403
    code = "forbidden"


class NotFound(AppError):  # noqa: N818 - a sentence about what happened reads better
    """What was asked for does not exist."""

    status_code = 404
    code = "not_found"


class ProjectNotFound(NotFound):
    """No project has this ref."""

    code = "project_not_found"

    def __init__(self, ref: str) -> None:
        super().__init__(f"Project {quote(ref)} does not exist.")


class OrganizationNotFound(NotFound):
    """No organization has this slug."""

    code = "organization_not_found"

    def __init__(self, slug: str) -> None:
        super().__init__(f"Organization {quote(slug)} does not exist.")


class RunNotFound(NotFound):
    """No run has this id."""

    code = "run_not_found"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"Run {quote(run_id)} does not exist.")


class Conflict(AppError):  # noqa: N818 - a sentence about what happened reads better
    """The request collides with what is."""

    status_code = 409
    code = "conflict"


class ProjectBusy(Conflict):
    """Another run of the project has not ended."""

    code = "project_busy"

    def __init__(self, ref: str, *, holder: str, kind: str, since: datetime) -> None:
        super().__init__(
            f"Project {quote(ref)} is busy: {kind} by {holder} has not ended, it began at {timestamp(since)}."
        )


class IllegalTransition(Conflict):
    """The project's state does not allow the verb."""

    code = "illegal_transition"


class NothingFree(Conflict):
    """A Docker host has no port, subnet or place left."""

    code = "nothing_free"


class InvalidField(AppError):  # noqa: N818 - a sentence about what happened reads better
    """A field of the payload has a value that is not allowed."""

    status_code = 422
    code = "invalid_field"

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}")
        self.field = field
        self.sentence = sentence


class NotBuilt(AppError):  # noqa: N818 - a sentence about what happened reads better
    """The official API has it, this service does not."""

    status_code = 501
    code = "not_built"


class NotReady(AppError):  # noqa: N818 - a sentence about what happened reads better
    """The service runs but cannot work now."""

    status_code = 503
    code = "not_ready"


class HostFailed(AppError):  # noqa: N818 - a sentence about what happened reads better
    """The Docker host did not do what a request needs."""

    status_code = 502
    code = "host_failed"


class StartRefused(AppError):  # noqa: N818 - a sentence about what happened reads better
    """The service cannot start as it is set up."""

    status_code = 500
    code = "start_refused"


def quote(value: str) -> str:
    """A client's word inside a sentence: short and on one line."""
    printable = "".join(character if character.isprintable() else "?" for character in value)
    return f"'{printable[:64]}'"


def timestamp(moment: datetime) -> str:
    """A UTC time as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def allowed(values: Iterable[str]) -> str:
    """'a, b or c' for a sentence."""
    words = list(values)
    if not words:
        return "nothing"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def responses(*status_codes: int) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that can be refused with these codes."""
    return {code: {"model": ErrorBody, "description": _DESCRIPTIONS[code]} for code in status_codes}


_DESCRIPTIONS = {
    400: "It cannot be done as it was asked for.",
    401: "The access token is missing or not valid.",
    403: "The account may not do this.",
    404: "It does not exist.",
    409: "It collides with what is there or is being done.",
    413: "The body is larger than the service takes.",
    422: "A field has a value that is not allowed.",
    429: "It was asked too often; Retry-After says in how many seconds it may be asked again.",
    501: "This service cannot do it.",
    502: "What it needs on the Docker host failed.",
    503: "The service is not ready.",
    504: "The answer did not come in time.",
}

# Pydantic's words for a kind of mistake, in ours; the value itself is never repeated since it may be a secret.
_SENTENCES = {
    "missing": "is required",
    "json_invalid": "is not valid JSON",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_attributes_type": "must be an object",
    "model_type": "must be an object",
    "extra_forbidden": "is not a known field",
}


#: Who sends more wrong fields than these learns of the others next.
MOST_ERRORS_TOLD = 20


def describe_validation_errors(errors: Iterable[Mapping[str, Any]], prefix: tuple[str, ...] = ()) -> str:
    """One line out of Pydantic's errors: '<field>: <sentence>', joined by semicolons."""
    parts: dict[str, None] = {}
    for error in errors:
        place = ".".join([*prefix, *(str(step) for step in _field_path(error["loc"]))]) or "body"
        parts[f"{place}: {_sentence(error)}"] = None
        if len(parts) > MOST_ERRORS_TOLD:
            parts.popitem()
            return "; ".join([*parts, "and more"])
    return "; ".join(parts)


def _field_path(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    if location and location[0] in ("body", "query", "path", "header"):
        return tuple(step for step in location[1:] if not _is_json_offset(location, step))
    return location


def _is_json_offset(location: tuple[int | str, ...], step: int | str) -> bool:
    # An unreadable body is reported as ("body", <character offset>), which is no field.
    return len(location) == 2 and isinstance(step, int)


def _sentence(error: Mapping[str, Any]) -> str:
    kind = str(error["type"])
    if kind in _SENTENCES:
        return _SENTENCES[kind]
    if kind in ("value_error", "assertion_error"):
        return str(error.get("ctx", {}).get("error", error["msg"]))
    if kind in ("literal_error", "enum"):
        expected = str(error.get("ctx", {}).get("expected", "")).replace("'", "")
        return f"must be {expected}"
    message = str(error["msg"])
    return message.replace("Input should", "should").replace("String should", "should")


def register_error_handlers(app: FastAPI) -> None:
    """Render every refusal as `{"message": ...}`."""

    @app.exception_handler(AppError)
    def render_app_error(_request: Request, error: AppError) -> JSONResponse:
        return JSONResponse({"message": error.message}, status_code=error.status_code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    def render_validation_error(_request: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse({"message": describe_validation_errors(error.errors())}, status_code=422)

    @app.exception_handler(DataError)
    def render_unstorable_value(_request: Request, _error: DataError) -> JSONResponse:
        # PostgreSQL says it of what SQLite takes: the value is the client's, and nothing was changed.
        message = "A value cannot be stored: text may hold no NUL character, and a number must fit into 64 bits."
        return JSONResponse({"message": message}, status_code=422)

    @app.exception_handler(HTTPException)
    def render_http_error(request: Request, error: HTTPException) -> JSONResponse:
        messages = {
            404: f"Nothing is at {quote(request.url.path)}.",
            405: f"{request.method} is not allowed at {quote(request.url.path)}.",
            413: TOO_LARGE,
        }
        message = messages.get(error.status_code, str(error.detail))
        return JSONResponse({"message": message}, status_code=error.status_code, headers=error.headers)
