"""The OpenAPI document: what FastAPI makes of the routes, with our one error body everywhere."""

from typing import Any

from fastapi import FastAPI

from supafleet.errors import responses
from supafleet.rate_limits import is_limited

_THEIRS = ("HTTPValidationError", "ValidationError")
_OURS = {"$ref": "#/components/schemas/ErrorBody"}
_TOO_MANY = {
    "description": responses(429)[429]["description"],
    "content": {"application/json": {"schema": _OURS}},
}


def install_document(app: FastAPI) -> None:
    """Let the application serve the corrected document."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document = make()
        for path, operations in document["paths"].items():
            for operation in operations.values():
                if is_limited(path):
                    operation["responses"].setdefault("429", _TOO_MANY)
                # FastAPI declares its own body for refused payloads; ours is another.
                refused = operation["responses"].get("422")
                if refused is not None:
                    refused["content"]["application/json"]["schema"] = _OURS
                    refused["description"] = "A field has a value that is not allowed."
        for name in _THEIRS:
            document["components"]["schemas"].pop(name, None)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend it
