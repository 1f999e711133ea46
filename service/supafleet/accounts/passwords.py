"""Passwords: what is allowed, and their Argon2 hashes."""

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LEAST_LENGTH = 8
GREATEST_LENGTH = 256

_hasher = PasswordHasher()
# Each one takes 64 MiB and a processor core for a moment: a flood of sign-ins must not take the machine.
_at_once = threading.BoundedSemaphore(2)


def check_password(password: str) -> str | None:
    """Why a new password is not allowed, or None."""
    if not LEAST_LENGTH <= len(password) <= GREATEST_LENGTH:
        return f"must have {LEAST_LENGTH} to {GREATEST_LENGTH} characters"
    return None


def hash_password(password: str) -> str:
    """What to store of a password."""
    with _at_once:
        return _hasher.hash(password)


def is_right(password: str, stored: str | None) -> bool:
    """Whether it is the password; with no stored one it takes the same time to say no."""
    with _at_once:
        nothing = _hash_of_nothing()  # made with the first attempt of all, whosever it is
        try:
            return _hasher.verify(stored or nothing, password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


@cache
def _hash_of_nothing() -> str:
    return _hasher.hash("a password that nobody has")
