"""Shapes of a project's database in the API."""

import json
import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from supafleet.keys import check_database_password

_MOST_LEVELS = 100
#: Such names the setting `db_schemas` takes.
_SCHEMA_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_$]{0,62})?")


def _check_password(value: SecretStr) -> SecretStr:
    reason = check_database_password(value.get_secret_value())
    if reason is not None:
        raise ValueError(reason)
    return value


def _check_text(value: str) -> str:
    # No text of Postgres can hold either.
    if "\0" in value:
        raise ValueError("must not hold the character 0")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must not hold half of a surrogate pair") from None
    return value


def _check_json(value: Any) -> Any:
    if not _is_json(value):
        raise ValueError(
            f"must be JSON: without NaN, Infinity and halves of surrogate pairs, and at most {_MOST_LEVELS} levels deep"
        )
    return value


def _is_json(value: Any) -> bool:
    """Whether a value can be sent on: Python reads more than JSON has, and more levels than it can write."""
    if _levels(value) > _MOST_LEVELS:
        return False
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return False
    return True


def _levels(value: Any) -> int:
    """How deep a value is nested; counting ends above the most."""
    levels, level = 0, [value]
    while level and levels <= _MOST_LEVELS:
        levels += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return levels


def _check_schema_name(value: str) -> str:
    if not _SCHEMA_NAME.fullmatch(value):
        raise ValueError("must be at most 63 letters of a to z, digits, _ and $, and not begin with a digit or $")
    return value


JsonValue = Annotated[Any, AfterValidator(_check_json)]
SchemaName = Annotated[str, AfterValidator(_check_schema_name)]
SqlText = Annotated[str, Field(min_length=1), AfterValidator(_check_text)]
Text = Annotated[str, AfterValidator(_check_text)]


class ReadOnlyQuery(BaseModel):
    """A query that only reads."""

    query: SqlText = Field(description="One or more statements.")
    parameters: Annotated[list[Any] | None, AfterValidator(_check_json)] = Field(
        default=None, description="Values of $1, $2 and so on; with them the query is one statement."
    )


class Query(ReadOnlyQuery):
    """A query."""

    read_only: bool = Field(default=False, description="Run it as supabase_read_only_user, unable to write.")


class MigrationCreate(BaseModel):
    """A migration."""

    query: SqlText = Field(description="Its statements: one transaction, so without BEGIN and COMMIT.")
    name: Text | None = Field(default=None, description="Its name.")
    rollback: Text | None = Field(default=None, description="The statements that undo it.")


class MigrationPatch(BaseModel):
    """What shall be different in the history; what is not named stays."""

    name: Text | None = Field(default=None, description="Its name.")
    rollback: Text | None = Field(default=None, description="The statements that undo it.")


class MigrationListed(BaseModel):
    """A migration in the list."""

    version: str
    name: str | None = None


class Migration(MigrationListed):
    """A migration in full."""

    statements: list[str] | None = None
    rollback: list[str] | None = None
    created_by: str | None = None
    idempotency_key: str | None = None


class Types(BaseModel):
    """Generated types."""

    types: str


class Named(BaseModel):
    """Something with a name."""

    name: str


class ContextDatabase(Named):
    """A database and its schemas."""

    schemas: list[Named]


class Context(BaseModel):
    """What the database holds, from above."""

    databases: list[ContextDatabase]


class PasswordChange(BaseModel):
    """A new password of the database."""

    password: Annotated[SecretStr, AfterValidator(_check_password)] = Field(description="12 to 72 letters and digits.")


class Message(BaseModel):
    """A sentence."""

    message: str


class LoginRoleCreate(BaseModel):
    """What the role may do."""

    read_only: bool = Field(description="Whether it may only read.")


class LoginRole(BaseModel):
    """A role that may log in for a while."""

    role: str
    password: str
    ttl_seconds: int


class LoginRolesDeleted(BaseModel):
    """They are gone."""

    message: Literal["ok"] = "ok"


class Bucket(BaseModel):
    """A bucket of the storage."""

    id: str
    name: str
    owner: str
    created_at: str
    updated_at: str
    public: bool


class LintMetadata(BaseModel):
    """What a lint is about."""

    schema_: str | None = Field(default=None, alias="schema", serialization_alias="schema")
    name: str | None = None
    entity: str | None = None
    type: str | None = None
    fkey_name: str | None = None
    fkey_columns: list[int] | None = None


class Lint(BaseModel):
    """Something in the database that is worth a look."""

    name: str
    title: str
    level: Literal["ERROR", "WARN", "INFO"]
    facing: Literal["EXTERNAL"] = "EXTERNAL"
    categories: list[Literal["PERFORMANCE", "SECURITY"]]
    description: str
    detail: str
    remediation: str
    metadata: LintMetadata
    cache_key: str
    observed_at: datetime


class Lints(BaseModel):
    """All that was found; empty when nothing was."""

    lints: list[Lint]


class LogRows(BaseModel):
    """The rows that a query of logs asks for."""

    result: list[dict[str, Any]]
