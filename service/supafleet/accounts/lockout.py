"""Failed sign-ins make the next one wait: for the mail address, and for the place they come from."""

import hashlib
import math
from datetime import datetime, timedelta

from sqlmodel import Session

from supafleet.accounts import repository
from supafleet.accounts.models import SignInFailure
from supafleet.addresses import block_of
from supafleet.errors import TooManyRequests

_ACCOUNT, _ADDRESS = "account", "address"
# Failures in a row that cost nothing; an office may share one address.
_FREE = {_ACCOUNT: 5, _ADDRESS: 20}
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=15)
_DOUBLINGS = 8
_FORGOTTEN_AFTER = timedelta(hours=1)


def charge(session: Session, email: str, address: str, now: datetime) -> None:
    """Count an attempt as failed before it is judged, so that many at once cannot slip through.

    Raises:
        TooManyRequests: there were too many failures; it says how long to wait.
    """
    charge_account(session, email, now)
    charge_address(session, address, now)


def charge_account(session: Session, email: str, now: datetime) -> None:
    """Count an attempt at an account's password, from wherever.

    Raises:
        TooManyRequests: there were too many failures; it says how long to wait.
    """
    _charge(session, _ACCOUNT, _account_key(email), now)


def charge_address(session: Session, address: str, now: datetime) -> None:
    """Count an attempt from an address.

    Raises:
        TooManyRequests: there were too many; it says how long to wait.
    """
    _charge(session, _ADDRESS, _address_key(address), now)


def forgive_account(session: Session, email: str) -> None:
    """Begin anew with an account whose password was right."""
    repository.delete_failure(session, _account_key(email))


def forgive_address(session: Session, address: str, charged_at: datetime) -> None:
    """Take back one attempt that was right: who has an account must not clear the failures with those of others."""
    row = repository.lock_failure(session, _address_key(address))
    row.failures = max(0, row.failures - 1)
    if row.failed_at == charged_at:
        row.locked_until = None
    session.add(row)


def forget_old(session: Session, now: datetime) -> None:
    """Remove what no longer makes anybody wait."""
    repository.delete_failures_before(session, now - _FORGOTTEN_AFTER)


def _charge(session: Session, kind: str, key: str, now: datetime) -> None:
    row = repository.lock_failure(session, key)
    if row.locked_until is not None and now < row.locked_until:
        seconds = math.ceil((row.locked_until - now).total_seconds())
        raise TooManyRequests(f"Too many attempts: try again in {seconds} seconds.", seconds)
    if now - row.failed_at > _FORGOTTEN_AFTER:
        row.failures = 0
    row.failures += 1
    row.failed_at = now
    row.locked_until = _pause_after(row, kind, now)
    session.add(row)
    session.flush()


def _pause_after(row: SignInFailure, kind: str, now: datetime) -> datetime | None:
    beyond = row.failures - _FREE[kind]
    if beyond < 0:
        return None
    factor: int = 2 ** min(beyond, _DOUBLINGS)
    return now + min(_FIRST_PAUSE * factor, _LONGEST_PAUSE)


def _account_key(email: str) -> str:
    # What somebody types as a mail address may be anything, even a password.
    return f"{_ACCOUNT}:{hashlib.sha256(email.encode()).hexdigest()}"


def _address_key(address: str) -> str:
    return f"{_ADDRESS}:{block_of(address)}"
