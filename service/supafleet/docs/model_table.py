"""A table of the fields of a model, for the pages that describe what a person may write."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from supafleet.docs.markdown import cell, code

_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
_FORMATS = {"path": "path", "password": "secret text"}


def undescribed(model: type[BaseModel]) -> list[str]:
    """Names of the settings that say nothing about themselves."""
    return [name for name, field in model.model_fields.items() if not field.description]


def model_rows(model: type[BaseModel], shown_name: Callable[[str], str] = str) -> Iterator[list[str]]:
    """A row for each field: its name, what it may be, its default, what it means."""
    properties = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        kind = " or ".join(_kinds(properties[name]))
        yield [code(shown_name(name)), cell(kind), _default(field), cell(field.description or "")]


def _kinds(schema: Mapping[str, Any]) -> Iterator[str]:
    """What a value may be, in words; that a setting may be left out is told by its default."""
    if "anyOf" in schema:
        for choice in schema["anyOf"]:
            yield from _kinds(choice)
    elif "$ref" in schema:
        yield "mapping"
    elif "const" in schema:
        yield code(schema["const"])
    elif "enum" in schema:
        yield " or ".join(code(value) for value in schema["enum"])
    elif "prefixItems" in schema:
        choices = dict.fromkeys(word for item in schema["prefixItems"] for word in _kinds(item))
        yield f"list of {len(schema['prefixItems'])}: {' or '.join(choices)}"
    elif schema["type"] == "array":
        yield f"list of {' or '.join(_kinds(schema['items']))}"
    elif schema["type"] == "object":
        yield f"mapping of names to {' or '.join(_kinds(schema['additionalProperties']))}"
    elif schema["type"] != "null":
        words = _FORMATS.get(schema.get("format", ""), _WORDS[schema["type"]])
        yield f"{words}{_limits(schema)}"


def _limits(schema: Mapping[str, Any]) -> str:
    limits = []
    if "minimum" in schema and "maximum" in schema:
        limits.append(f"{schema['minimum']} to {schema['maximum']}")
    elif "minimum" in schema:
        limits.append(f"{schema['minimum']} or more")
    if "exclusiveMinimum" in schema:
        limits.append(f"more than {schema['exclusiveMinimum']}")
    if "pattern" in schema:
        limits.append(f"matches {code(schema['pattern'])}")
    return "".join(f", {limit}" for limit in limits)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory in (list, dict):
        return code(json.dumps(field.get_default(call_default_factory=True)))
    if isinstance(field.default_factory, type):
        return code("{}")  # a model of its own, whose fields have their defaults
    # Another factory looks at the machine; the description says what it does.
    if field.default_factory is not None or field.default is None:
        return "unset"
    return code(field.default if isinstance(field.default, str) and field.default else json.dumps(field.default))
