"""Shapes of accounts in the API."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from supafleet.accounts.passwords import check_password

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_LONGEST_EMAIL = 320
_LONGEST_NAME = 64


def _check_email(value: str) -> str:
    value = value.strip()
    if len(value) > _LONGEST_EMAIL or not value.isprintable() or not _EMAIL.fullmatch(value):
        raise ValueError("must be a mail address such as ada@example.com")
    return value.lower()


def _check_new_password(value: SecretStr) -> SecretStr:
    reason = check_password(value.get_secret_value())
    if reason is not None:
        raise ValueError(reason)
    return value


def _check_name(value: str) -> str:
    if not value.strip() or len(value) > _LONGEST_NAME or not value.isprintable():
        raise ValueError(f"must be 1 to {_LONGEST_NAME} printable characters on one line")
    return value


Email = Annotated[str, AfterValidator(_check_email)]
NewPassword = Annotated[SecretStr, AfterValidator(_check_new_password)]


class ProfileResponse(BaseModel):
    """The account behind the token."""

    gotrue_id: str
    primary_email: str
    username: str


class TokenRequest(BaseModel):
    """What is exchanged for tokens: with `password` email and password, with `refresh_token` that token."""

    email: Email | None = None
    password: SecretStr | None = Field(default=None, max_length=1024)
    refresh_token: SecretStr | None = Field(default=None, max_length=1024)


class TokenUser(BaseModel):
    """Whose tokens they are."""

    id: int
    email: str
    app_metadata: dict[str, Any]


class TokenResponse(BaseModel):
    """A session's tokens; the refresh token can be exchanged once."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a word of OAuth
    expires_in: int = Field(description="Seconds until the access token expires.")
    refresh_token: str
    user: TokenUser


class SignUpRequest(BaseModel):
    """A new account."""

    email: Email
    password: NewPassword
    invitation_token: SecretStr | None = Field(
        default=None, description="Token of an invitation for this mail address; it is needed while sign-up is closed."
    )


class SignUpResponse(BaseModel):
    """The account was made."""

    status: Literal["CREATED"] = "CREATED"


class PasswordChange(BaseModel):
    """Another password for the account."""

    password: NewPassword
    current_password: SecretStr | None = Field(
        default=None, max_length=1024, description="The present one, where the account has one."
    )


class PersonalTokenCreate(BaseModel):
    """A new personal access token."""

    name: Annotated[str, AfterValidator(_check_name)] = Field(description="What it is for.")
    expires_in_days: int | None = Field(default=None, ge=1, le=3650, description="Unset: it does not expire.")


class PersonalToken(BaseModel):
    """A personal access token without its text."""

    id: int
    name: str
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class PersonalTokenCreated(PersonalToken):
    """A new personal access token; its text is never told again."""

    token: str
