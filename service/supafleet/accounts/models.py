"""Tables of accounts, personal access tokens, sign-ins, and sign-ins that failed."""

from datetime import datetime
from typing import NamedTuple

from sqlmodel import Field, SQLModel

from supafleet.db import UtcDateTime, utc_now


class Account(SQLModel, table=True):
    """A person or a program."""

    id: int | None = Field(default=None, primary_key=True)
    gotrue_id: str = Field(unique=True, max_length=36)
    primary_email: str = Field(unique=True, max_length=320)
    username: str = Field(unique=True, max_length=64)
    #: Operators run the installation: its Docker hosts are theirs.
    is_operator: bool = Field(default=False)
    #: Argon2; None as long as the account can only be used with its tokens.
    password_hash: str | None = Field(default=None, max_length=255)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)


class AccessToken(SQLModel, table=True):
    """A personal access token; only its hash is kept, and a prefix to tell tokens apart."""

    __tablename__ = "access_token"

    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="account.id", index=True)
    name: str = Field(max_length=64)
    prefix: str = Field(max_length=12)
    token_hash: str = Field(unique=True, max_length=64)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class KnownToken(NamedTuple):
    """A personal access token and whose it is, as every request asks for it."""

    account_id: int
    gotrue_id: str
    primary_email: str
    username: str
    is_operator: bool
    token_id: int
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


class SignInSession(SQLModel, table=True):
    """One sign-in: a family of refresh tokens that ends as a whole."""

    __tablename__ = "sign_in_session"

    id: str = Field(primary_key=True, max_length=36)
    account_id: int = Field(foreign_key="account.id", index=True)
    created_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class KnownSession(NamedTuple):
    """A sign-in and whose it is, as every request asks for it."""

    account_id: int
    gotrue_id: str
    primary_email: str
    username: str
    is_operator: bool
    expires_at: datetime
    ended_at: datetime | None


class RefreshToken(SQLModel, table=True):
    """A token that was or can be exchanged once; only its hash is kept."""

    __tablename__ = "refresh_token"

    token_hash: str = Field(primary_key=True, max_length=64)
    session_id: str = Field(foreign_key="sign_in_session.id", index=True, max_length=36)
    used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SignInFailure(SQLModel, table=True):
    """Failed sign-ins in a row of one mail address (hashed, whether somebody has it or not) or from one address."""

    __tablename__ = "sign_in_failure"

    key: str = Field(primary_key=True, max_length=80)
    failures: int = Field(default=0)
    failed_at: datetime = Field(default_factory=utc_now, sa_type=UtcDateTime)
    locked_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
