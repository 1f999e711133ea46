"""Shapes of organizations in the API."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel

_LONGEST_NAME = 64


def check_name(value: str) -> str:
    """A name of one line; it is stored and shown literally, never interpreted."""
    if not value.strip() or len(value) > _LONGEST_NAME or not value.isprintable():
        raise ValueError(f"must be 1 to {_LONGEST_NAME} printable characters on one line")
    return value


DisplayName = Annotated[str, AfterValidator(check_name)]


class OrganizationCreate(BaseModel):
    """A new organization."""

    name: DisplayName


class OrganizationResponse(BaseModel):
    """An organization; its id is its slug."""

    id: str
    slug: str
    name: str
