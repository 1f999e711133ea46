"""Shapes of edge functions and their secrets in the API."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from supafleet.functions.upload import FunctionName, Slug

_SECRET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST_SECRET_NAME = 100
LONGEST_SECRET_VALUE = 24576
_RESERVED_PREFIX = "SUPABASE_"


class FunctionResponse(BaseModel):
    """An edge function; times are milliseconds since 1970."""

    id: str
    slug: str
    name: str
    status: Literal["ACTIVE", "REMOVED", "THROTTLED"] = "ACTIVE"
    version: int
    created_at: int
    updated_at: int
    verify_jwt: bool
    import_map: bool
    entrypoint_path: str
    import_map_path: str | None
    ezbr_sha256: str = Field(description="Digest of the code.")


class FunctionUpdate(BaseModel):
    """One function of a bulk update: as a deployment with bundleOnly answered it."""

    id: str
    slug: Slug
    name: FunctionName
    status: str
    version: int
    created_at: int | None = None
    verify_jwt: bool | None = None
    import_map: bool | None = None
    entrypoint_path: str | None = None
    import_map_path: str | None = None
    ezbr_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


class FunctionsUpdated(BaseModel):
    """What a bulk update changed."""

    functions: list[FunctionResponse]


def _secret_name(value: str) -> str:
    if not _SECRET_NAME.fullmatch(value) or len(value) > _LONGEST_SECRET_NAME:
        raise ValueError(
            f"must be 1 to {_LONGEST_SECRET_NAME} letters, digits and underscores and not begin with a digit"
        )
    if value.startswith(_RESERVED_PREFIX):
        raise ValueError(f"may not begin with {_RESERVED_PREFIX}: these variables are given by the project")
    return value


def _secret_value(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST_SECRET_VALUE:
        raise ValueError(f"must have at most {LONGEST_SECRET_VALUE} bytes")
    if "\0" in text or any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise ValueError("must be text without NUL characters")
    return value


class SecretCreate(BaseModel):
    """A secret for the edge functions."""

    name: Annotated[str, AfterValidator(_secret_name)]
    value: Annotated[SecretStr, AfterValidator(_secret_value)]


class SecretResponse(BaseModel):
    """A secret as it is listed: never its value."""

    name: str
    value: str = Field(description="SHA-256 digest of the value.")
    updated_at: datetime
