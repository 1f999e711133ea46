"""Shapes of accounts in the API."""

from pydantic import BaseModel


class ProfileResponse(BaseModel):
    """The account behind the token."""

    gotrue_id: str
    primary_email: str
    username: str
