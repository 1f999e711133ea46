"""Shapes of a project's database in the API."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from supafleet.keys import check_database_password


def _check_password(value: SecretStr) -> SecretStr:
    reason = check_database_password(value.get_secret_value())
    if reason is not None:
        raise ValueError(reason)
    return value


def _check_text(value: str) -> str:
    # No text of Postgres can hold it.
    if "\0" in value:
        raise ValueError("must not hold the character 0")
    return value


SqlText = Annotated[str, Field(min_length=1), AfterValidator(_check_text)]
Text = Annotated[str, AfterValidator(_check_text)]


class ReadOnlyQuery(BaseModel):
    """A query that only reads."""

    query: SqlText = Field(description="One or more statements.")
    parameters: list[Any] | None = Field(
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
