"""Signing up, in and out: sessions whose access tokens are short and whose refresh tokens are exchanged once each."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from supafleet.accounts import lockout, passwords, repository
from supafleet.accounts.models import Account, RefreshToken, SignInSession
from supafleet.accounts.service import Actor, Recognized, actor_of, create_account, hash_token
from supafleet.accounts.signing import Claims, TokenSigner
from supafleet.audit import trail
from supafleet.db import Besides, reading, row_id, unit_of_work, utc_now
from supafleet.errors import Conflict, Forbidden, InvalidField, SignInRefused, Unauthorized
from supafleet.rows import Rows

log = structlog.get_logger(__name__)

#: A session that nobody used for so long ends by itself.
IDLE_LIFETIME = timedelta(days=30)
_WRONG = "The mail address or the password is wrong."
_WRONG_REFRESH = "The refresh token is not valid: sign in again."
_KEPT_AFTER_END = timedelta(days=30)
_NAME_LENGTH = 40
# Runs carry this name when nobody asked for them.
_RESERVED_NAMES = frozenset({"self-healing"})


@dataclass(frozen=True)
class Granted:
    """What a sign-in gives."""

    access_token: str
    refresh_token: str
    actor: Actor


def sign_up(engine: Engine, *, email: str, password: str, address: str, may: bool) -> Actor:
    """A new account with a password.

    Args:
        may: whether sign-up is open, or the person was invited.

    Raises:
        TooManyRequests: too many accounts were asked for from that address.
        Forbidden: it may not be.
        Conflict: somebody has an account with this mail address.
    """
    with unit_of_work(engine) as session:
        lockout.charge_address(session, address, utc_now())
    trail.note_attempt()
    if not may:
        raise Forbidden("Sign-up is closed: ask for an invitation.")
    password_hash = passwords.hash_password(password)
    try:
        with unit_of_work(engine) as session:
            if repository.find_account_by_email(session, email) is not None:
                raise _taken()
            name = _free_name(session, email)
            account = create_account(session, email=email, username=name, password_hash=password_hash)
            actor = actor_of(account)
    except IntegrityError:
        raise _taken() from None
    trail.note_actor(actor.account_id, actor.username)
    return actor


def sign_in(engine: Engine, signer: TokenSigner, *, email: str, password: str, address: str) -> Granted:
    """A new session for the right password.

    Raises:
        TooManyRequests: too many failures of this account or from that address.
        SignInRefused: the address or the password is wrong; it takes as long for an account that does not exist.
    """
    now = utc_now()
    with unit_of_work(engine) as session:
        lockout.charge(session, email, address, now)
    trail.note_attempt()
    with reading(engine) as session:
        account = repository.find_account_by_email(session, email)
    stored = None if account is None else account.password_hash
    is_right = passwords.is_right(password, stored)
    if account is not None:
        trail.note_actor(row_id(account), account.username)
    if account is None or not is_right:
        raise SignInRefused(_WRONG)
    with unit_of_work(engine) as session:
        present = session.get(Account, row_id(account), with_for_update=True)
        if present is None or present.password_hash != stored:
            raise SignInRefused(_WRONG)  # it was changed at this moment
        lockout.forgive_account(session, email)
        lockout.forgive_address(session, address, now)
        row = SignInSession.model_validate(
            {
                "id": str(uuid.uuid4()),
                "account_id": row_id(present),
                "created_at": now,
                "expires_at": now + IDLE_LIFETIME,
            }
        )
        session.add(row)
        session.flush()
        return _grant(session, signer, row, present, now)


def refresh(engine: Engine, signer: TokenSigner, refresh_token: str) -> Granted:
    """The session goes on with new tokens; a token that comes a second time was stolen, and ends the session.

    Raises:
        SignInRefused: the token is not known, was used before, or its session has ended.
    """
    now = utc_now()
    with unit_of_work(engine) as session:
        token = repository.lock_refresh_token(session, hash_token(refresh_token))
        found = None if token is None else repository.find_session(session, token.session_id)
        if token is None or found is None:
            raise SignInRefused(_WRONG_REFRESH)
        row, account = found
        trail.note_actor(row_id(account), account.username)
        if row.ended_at is not None or now >= row.expires_at:
            raise SignInRefused(_WRONG_REFRESH)
        if token.used_at is None:
            token.used_at = now
            row.expires_at = now + IDLE_LIFETIME
            session.add_all([token, row])
            return _grant(session, signer, row, account, now)
        repository.end_sessions(session, row_id(account), now, only=row.id)
    log.warning("session.ended", reason="a refresh token was used twice", account=account.username)
    raise SignInRefused(_WRONG_REFRESH)


async def recognize(rows: Rows, claims: Claims, now: datetime, besides: Besides | None = None) -> Recognized:
    """The account behind a valid access token whose session has not ended.

    Raises:
        Unauthorized: it has.
    """
    found = await repository.find_known_session(rows, claims.session_id, besides)
    if found is None:
        raise Unauthorized
    known, told = found
    if known.ended_at is not None or now >= known.expires_at or known.gotrue_id != claims.gotrue_id:
        raise Unauthorized
    return Recognized(Actor(*known[:5], session_id=claims.session_id), told)


def sign_out(session: Session, actor: Actor, *, everywhere: bool) -> None:
    """End the session, or all sessions of the account; personal access tokens stay.

    Raises:
        InvalidField: only this session is to end, and there is none.
    """
    if not everywhere and actor.session_id is None:
        raise InvalidField("scope", "must be global with a personal access token, which is no sign-in")
    only = None if everywhere else actor.session_id
    repository.end_sessions(session, actor.account_id, utc_now(), only=only)


def set_password(engine: Engine, actor: Actor, *, password: str, current: str | None) -> None:
    """Give the account another password and end its other sessions.

    Raises:
        TooManyRequests: too many wrong ones.
        Forbidden: the account has a password and this is not it.
    """
    with unit_of_work(engine) as session:
        lockout.charge_account(session, actor.primary_email.lower(), utc_now())
        account = session.get(Account, actor.account_id)
        stored = None if account is None else account.password_hash
    if stored is not None and not passwords.is_right(current or "", stored):
        raise Forbidden("current_password: must be the account's present password")
    password_hash = passwords.hash_password(password)
    with unit_of_work(engine) as session:
        account = session.get(Account, actor.account_id, with_for_update=True)
        if account is None or account.password_hash != stored:
            raise Conflict("The password was changed at the same moment.")
        account.password_hash = password_hash
        session.add(account)
        lockout.forgive_account(session, actor.primary_email.lower())
        repository.end_sessions(session, actor.account_id, utc_now(), but=actor.session_id)


def forget_old(session: Session, now: datetime) -> None:
    """Remove sessions and tokens that ended long ago, and failures that no longer count."""
    repository.delete_sessions_before(session, now - _KEPT_AFTER_END)
    repository.delete_dead_tokens_before(session, now - _KEPT_AFTER_END)
    lockout.forget_old(session, now)


def _grant(session: Session, signer: TokenSigner, row: SignInSession, account: Account, now: datetime) -> Granted:
    refresh_token = secrets.token_urlsafe(32)
    session.add(RefreshToken.model_validate({"token_hash": hash_token(refresh_token), "session_id": row.id}))
    session.flush()
    access_token = signer.sign(Claims(account.gotrue_id, row.id), now)
    return Granted(access_token, refresh_token, actor_of(account, row.id))


def _free_name(session: Session, email: str) -> str:
    name = email.partition("@")[0][:_NAME_LENGTH]
    if name not in _RESERVED_NAMES and not repository.is_username_taken(session, name):
        return name
    return f"{name}-{secrets.token_hex(4)}"


def _taken() -> Conflict:
    return Conflict("email: an account with this mail address exists")
