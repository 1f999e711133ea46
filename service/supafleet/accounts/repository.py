"""Queries over accounts, tokens and sign-ins."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from supafleet.accounts.models import (
    AccessToken,
    Account,
    KnownSession,
    KnownToken,
    RefreshToken,
    SignInFailure,
    SignInSession,
)
from supafleet.db import Besides, Statement, table_of
from supafleet.rows import Rows

# Every request asks for one of these: built once, in the order of the fields of what they become.
_account, _token, _session = table_of(Account), table_of(AccessToken), table_of(SignInSession)
_WHOSE = (
    _account.c.id,
    _account.c.gotrue_id,
    _account.c.primary_email,
    _account.c.username,
    _account.c.is_operator,
)
_KNOWN_TOKEN = (
    sa.select(*_WHOSE, _token.c.id, _token.c.expires_at, _token.c.revoked_at, _token.c.last_used_at)
    .select_from(_token.join(_account, _account.c.id == _token.c.account_id))
    .where(_token.c.token_hash == sa.bindparam("token_hash"))
)
_KNOWN_SESSION = (
    sa.select(*_WHOSE, _session.c.expires_at, _session.c.ended_at)
    .select_from(_session.join(_account, _account.c.id == _session.c.account_id))
    .where(_session.c.id == sa.bindparam("session_id"))
)


def find_account(session: Session, account_id: int) -> Account | None:
    """The account, or None."""
    return session.get(Account, account_id)


def find_first_account(session: Session) -> Account | None:
    """The oldest account, or None before the first start."""
    return session.exec(select(Account).order_by(col(Account.id)).limit(1)).first()


async def find_known_token(
    rows: Rows, token_hash: str, besides: Besides | None = None
) -> tuple[KnownToken, Sequence[Any]] | None:
    """The token with this hash and whose it is, and what was asked besides, or None."""
    found = await _ask(rows, _KNOWN_TOKEN, {"token_hash": token_hash}, len(KnownToken._fields), besides)
    return None if found is None else (KnownToken(*found[0]), found[1])


async def find_known_session(
    rows: Rows, session_id: str, besides: Besides | None = None
) -> tuple[KnownSession, Sequence[Any]] | None:
    """The sign-in with this id and whose it is, and what was asked besides, or None."""
    found = await _ask(rows, _KNOWN_SESSION, {"session_id": session_id}, len(KnownSession._fields), besides)
    return None if found is None else (KnownSession(*found[0]), found[1])


def find_account_by_email(session: Session, email: str) -> Account | None:
    """The account with this mail address, whatever the case of its letters, or None."""
    return session.exec(select(Account).where(sa.func.lower(Account.primary_email) == email.lower())).first()


def is_username_taken(session: Session, username: str) -> bool:
    """Whether some account has this name."""
    return session.exec(select(Account.id).where(Account.username == username)).first() is not None


def list_tokens(session: Session, account_id: int) -> list[AccessToken]:
    """The account's tokens, oldest first."""
    statement = select(AccessToken).where(AccessToken.account_id == account_id).order_by(col(AccessToken.id))
    return list(session.exec(statement))


def find_session(session: Session, session_id: str) -> tuple[SignInSession, Account] | None:
    """The sign-in with this id and its account, or None."""
    statement = (
        select(SignInSession, Account)
        .join(Account, col(Account.id) == SignInSession.account_id)
        .where(SignInSession.id == session_id)
    )
    row = session.exec(statement).first()
    return None if row is None else (row[0], row[1])


def lock_refresh_token(session: Session, token_hash: str) -> RefreshToken | None:
    """The refresh token with this hash, its row locked until the transaction ends (SQLite locks the file anyway)."""
    statement = select(RefreshToken).where(RefreshToken.token_hash == token_hash).with_for_update()
    return session.exec(statement).first()


def end_sessions(
    session: Session, account_id: int, now: datetime, *, only: str | None = None, but: str | None = None
) -> None:
    """End the account's sign-ins: all, only one, or all but one."""
    statement = sa.update(SignInSession).where(
        col(SignInSession.account_id) == account_id, col(SignInSession.ended_at).is_(None)
    )
    if only is not None:
        statement = statement.where(col(SignInSession.id) == only)
    if but is not None:
        statement = statement.where(col(SignInSession.id) != but)
    session.execute(statement.values(ended_at=now))


def delete_sessions_before(session: Session, moment: datetime) -> None:
    """Remove sign-ins that ended or expired before, with their refresh tokens."""
    old = select(SignInSession.id).where(
        sa.or_(col(SignInSession.expires_at) < moment, col(SignInSession.ended_at) < moment)
    )
    ids = list(session.exec(old.limit(1000)))
    session.execute(sa.delete(RefreshToken).where(col(RefreshToken.session_id).in_(ids)))
    session.execute(sa.delete(SignInSession).where(col(SignInSession.id).in_(ids)))


def delete_dead_tokens_before(session: Session, moment: datetime) -> None:
    """Remove access tokens that expired or were revoked before."""
    session.execute(
        sa.delete(AccessToken).where(sa.or_(col(AccessToken.expires_at) < moment, col(AccessToken.revoked_at) < moment))
    )


def lock_failure(session: Session, key: str) -> SignInFailure:
    """The count of failures under a key, made when there is none, its row locked until the transaction ends."""
    statement = select(SignInFailure).where(SignInFailure.key == key).with_for_update()
    row = session.exec(statement).first()
    if row is not None:
        return row
    # Somebody else may count the first one at the same moment.
    with suppress(IntegrityError), session.begin_nested():
        session.add(SignInFailure.model_validate({"key": key}))
    return session.exec(statement).one()


def delete_failure(session: Session, key: str) -> None:
    """Forget the failures under a key."""
    session.execute(sa.delete(SignInFailure).where(col(SignInFailure.key) == key))


def delete_failures_before(session: Session, moment: datetime) -> None:
    """Forget the failures whose last one was before."""
    session.execute(sa.delete(SignInFailure).where(col(SignInFailure.failed_at) < moment))


async def _ask(
    rows: Rows, statement: Statement, values: Mapping[str, str], width: int, besides: Besides | None
) -> tuple[Sequence[Any], Sequence[Any]] | None:
    """The first columns of the row, this many, and what was asked besides: the others, or those of all rows."""
    if besides is not None:
        statement, values = _widened(statement, besides.widen), {**values, **besides.values}
    told = await rows.ask(statement, values)
    if not told:
        return None
    is_of_many = besides is not None and besides.is_of_many_rows
    return told[0][:width], [row[width:] for row in told] if is_of_many else told[0][width:]


@cache
def _widened(statement: Statement, widen: Callable[[Statement, sa.ColumnElement[int]], Statement]) -> Statement:
    return widen(statement, _account.c.id)
