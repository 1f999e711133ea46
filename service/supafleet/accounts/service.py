"""The rules of accounts and their personal access tokens; signing in is in sessions.py."""

import hashlib
import re
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from supafleet.accounts import repository
from supafleet.accounts.models import AccessToken, Account
from supafleet.db import Besides, row_id, utc_now
from supafleet.errors import NotFound, Unauthorized, quote
from supafleet.rows import Rows

TOKEN_PATTERN = re.compile(r"^sbp_(oauth_|v0_)?[a-f0-9]{40}$")
_PREFIX_LENGTH = 8
# Writing the time of every single use would turn every read into a write.
_USE_RESOLUTION = timedelta(minutes=1)


@dataclass(frozen=True)
class Actor:
    """Who asks, without the database row."""

    account_id: int
    gotrue_id: str
    primary_email: str
    username: str
    is_operator: bool = False
    #: The sign-in that this comes from; None with a personal access token.
    session_id: str | None = None


@dataclass(frozen=True)
class Recognized:
    """Who asks with a valid token."""

    actor: Actor
    #: What was asked besides.
    told: Sequence[Any]
    #: A personal access token whose use should be written down.
    token_to_note: int | None = None


def create_account(
    session: Session, *, email: str, username: str, is_operator: bool = False, password_hash: str | None = None
) -> Account:
    """A new account."""
    account = Account.model_validate(
        {
            "gotrue_id": str(uuid.uuid4()),
            "primary_email": email,
            "username": username,
            "is_operator": is_operator,
            "password_hash": password_hash,
        }
    )
    session.add(account)
    session.flush()
    return account


def has_accounts(session: Session) -> bool:
    """Whether the first start was completed."""
    return repository.find_first_account(session) is not None


def generate_token() -> str:
    """A new personal access token in the form every official client accepts."""
    return f"sbp_{secrets.token_hex(20)}"


def register_token(
    session: Session, account: Account, name: str, token: str, expires_at: datetime | None = None
) -> AccessToken:
    """Keep a token's hash and prefix."""
    row = AccessToken.model_validate(
        {
            "account_id": row_id(account),
            "name": name,
            "prefix": token[:_PREFIX_LENGTH],
            "token_hash": hash_token(token),
            "expires_at": expires_at,
        }
    )
    session.add(row)
    session.flush()
    return row


async def recognize_token(rows: Rows, token: str, now: datetime, besides: Besides | None = None) -> Recognized:
    """The account behind a token.

    Raises:
        Unauthorized: the token has the wrong form, is not known, has expired or was revoked.
    """
    is_one = TOKEN_PATTERN.fullmatch(token)
    found = await repository.find_known_token(rows, hash_token(token), besides) if is_one else None
    if found is None:
        raise Unauthorized
    known, told = found
    if known.revoked_at is not None or (known.expires_at is not None and now >= known.expires_at):
        raise Unauthorized
    is_due = known.last_used_at is None or now - known.last_used_at >= _USE_RESOLUTION
    return Recognized(Actor(*known[:5]), told, known.token_id if is_due else None)


def note_token_use(session: Session, token_id: int, now: datetime) -> None:
    """Remember when a token was last used."""
    row = session.get(AccessToken, token_id)
    if row is not None:
        row.last_used_at = now
        session.add(row)


def actor_of(account: Account, session_id: str | None = None) -> Actor:
    """Who asks, with this account."""
    return Actor(
        account_id=row_id(account),
        gotrue_id=account.gotrue_id,
        primary_email=account.primary_email,
        username=account.username,
        is_operator=account.is_operator,
        session_id=session_id,
    )


def list_tokens(session: Session, actor: Actor) -> list[AccessToken]:
    """The account's personal access tokens, oldest first."""
    return repository.list_tokens(session, actor.account_id)


def create_token(session: Session, actor: Actor, name: str, lifetime: timedelta | None) -> tuple[AccessToken, str]:
    """A new personal access token, and its text that nobody can read again."""
    account = repository.find_account(session, actor.account_id)
    if account is None:
        raise Unauthorized
    token = generate_token()
    expires_at = None if lifetime is None else utc_now() + lifetime
    return register_token(session, account, name, token, expires_at), token


def revoke_token(session: Session, actor: Actor, token_id: int) -> AccessToken:
    """Let one of the account's tokens be worth nothing from now on; done again, it changes nothing.

    Raises:
        NotFound: the account has no such token.
    """
    row = session.get(AccessToken, token_id)
    if row is None or row.account_id != actor.account_id:
        raise NotFound(f"The account {quote(actor.username)} has no token {token_id}.")
    if row.revoked_at is None:
        row.revoked_at = utc_now()
        session.add(row)
        session.flush()
    return row


def hash_token(token: str) -> str:
    """What is kept of a token that was generated here: so many random bits need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()
