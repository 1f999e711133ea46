"""Tables of accounts and personal access tokens."""

from datetime import datetime

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
