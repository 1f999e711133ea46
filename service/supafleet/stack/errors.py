"""The one error of rendering: a sentence that names what is wrong and what is allowed."""

from pydantic import ValidationError


class RenderError(ValueError):
    """A project cannot be rendered; the message is one sentence for a person."""


def first_sentence(error: ValidationError, prefix: str = "") -> str:
    """The first complaint of a validation as one sentence that starts with the field's path."""
    complaint = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in (prefix, *complaint["loc"]) if part != "")
    if complaint["type"] == "missing":
        return f"{path} is required"
    if complaint["type"] == "extra_forbidden":
        return f"{path} is not a known name"
    message = complaint["msg"].removeprefix("Value error, ")
    return f"{path}: {message[:1].lower()}{message[1:]}"
