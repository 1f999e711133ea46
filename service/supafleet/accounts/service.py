"""The rules of accounts: making them, making tokens, and recognizing a token."""

import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from supafleet.accounts import repository
from supafleet.accounts.models import AccessToken, Account
from supafleet.db import row_id
from supafleet.errors import Unauthorized

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


@dataclass(frozen=True)
class Recognized:
    """A valid token's account, and whether its use should be written down."""

    actor: Actor
    token_id: int
    use_is_due: bool


def create_account(session: Session, *, email: str, username: str, is_operator: bool = False) -> Account:
    """A new account."""
    account = Account.model_validate(
        {
            "gotrue_id": str(uuid.uuid4()),
            "primary_email": email,
            "username": username,
            "is_operator": is_operator,
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


def register_token(session: Session, account: Account, name: str, token: str) -> AccessToken:
    """Keep a token's hash and prefix."""
    row = AccessToken.model_validate(
        {
            "account_id": row_id(account),
            "name": name,
            "prefix": token[:_PREFIX_LENGTH],
            "token_hash": _hash(token),
        }
    )
    session.add(row)
    session.flush()
    return row


def recognize_token(session: Session, token: str, now: datetime) -> Recognized:
    """The account behind a token.

    Raises:
        Unauthorized: the token has the wrong form or is not known.
    """
    found = repository.find_token(session, _hash(token)) if TOKEN_PATTERN.fullmatch(token) else None
    if found is None:
        raise Unauthorized
    row, account = found
    actor = Actor(
        account_id=row_id(account),
        gotrue_id=account.gotrue_id,
        primary_email=account.primary_email,
        username=account.username,
        is_operator=account.is_operator,
    )
    is_due = row.last_used_at is None or now - row.last_used_at >= _USE_RESOLUTION
    return Recognized(actor, row_id(row), is_due)


def note_token_use(session: Session, token_id: int, now: datetime) -> None:
    """Remember when a token was last used."""
    row = session.get(AccessToken, token_id)
    if row is not None:
        row.last_used_at = now
        session.add(row)


def _hash(token: str) -> str:
    # 160 random bits need no slow hash.
    return hashlib.sha256(token.encode()).hexdigest()
