"""Shapes of API keys."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

_NAME = re.compile(r"[a-z_][a-z0-9_]{3,63}")
_ROLE_TEMPLATE = {"role": "service_role"}


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("must be 4 to 64 lower-case letters, digits and underscores and not begin with a digit")
    return value


def _template(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if value not in (None, _ROLE_TEMPLATE):
        raise ValueError('must be {"role": "service_role"}: secret keys act as service_role')
    return value


KeyName = Annotated[str, AfterValidator(_name)]
Description = Annotated[str, Field(max_length=512)]
Template = Annotated[dict[str, Any] | None, AfterValidator(_template)]


class ApiKeyCreate(BaseModel):
    """A new key."""

    type: Literal["publishable", "secret"]
    name: KeyName
    description: Description | None = None
    secret_jwt_template: Template = None

    @model_validator(mode="after")
    def _only_secret_keys_have_a_template(self) -> Self:
        if self.type == "publishable" and self.secret_jwt_template is not None:
            raise ValueError("secret_jwt_template may only be set for a secret key")
        return self


class ApiKeyPatch(BaseModel):
    """Another name or description of a key; the key itself never changes."""

    name: KeyName | None = None
    description: Description | None = None
    secret_jwt_template: Template = None


class ApiKeyResponse(BaseModel):
    """A key of the project's gateway."""

    name: str
    id: str
    type: Literal["legacy", "publishable", "secret"]
    api_key: str = Field(description="The key; a secret one is masked unless it was asked to be revealed.")
    prefix: str | None = None
    description: str | None
    hash: str | None = Field(default=None, description="SHA-256 digest of an opaque key.")
    secret_jwt_template: dict[str, Any] | None = None
    inserted_at: datetime
    updated_at: datetime


class LegacyKeys(BaseModel):
    """Whether the gateway takes the JWT keys anon and service_role."""

    enabled: bool
