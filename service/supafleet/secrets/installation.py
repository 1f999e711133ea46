"""Secrets of the installation itself: made once, kept encrypted in the database, shared by all its machines."""

import secrets
from contextlib import suppress

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from supafleet.db import utc_now
from supafleet.secrets.cipher import SecretCipher
from supafleet.secrets.models import InstallationSecret

#: Signs the access tokens of sign-ins.
ACCESS_TOKEN_KEY = "access_token_key"  # noqa: S105 - a name
_NAMES = (ACCESS_TOKEN_KEY,)
_BYTES = 48


def prepare(session: Session, cipher: SecretCipher) -> None:
    """Make the secrets that are missing, and encrypt again with the newest key what an older one encrypted.

    Raises:
        StartRefused: a secret is opened by none of the keys.
    """
    for name in _NAMES:
        row = session.get(InstallationSecret, name)
        if row is None:
            _make(session, cipher, name)
        elif not cipher.is_newest(row.ciphertext):
            cipher.decrypt(row.ciphertext)
            row.ciphertext = cipher.rotate(row.ciphertext)
            row.updated_at = utc_now()
            session.add(row)
    session.flush()


def reveal(session: Session, cipher: SecretCipher, name: str) -> str:
    """The secret in the clear.

    Raises:
        StartRefused: it is opened by none of the keys.
    """
    row = session.get(InstallationSecret, name)
    if row is None:
        raise RuntimeError(f"the secret {name} was used before it was made")
    return cipher.decrypt(row.ciphertext)


def _make(session: Session, cipher: SecretCipher, name: str) -> None:
    ciphertext = cipher.encrypt(secrets.token_urlsafe(_BYTES))
    # Another machine of the same database may make it at the same moment.
    with suppress(IntegrityError), session.begin_nested():
        session.add(InstallationSecret.model_validate({"name": name, "ciphertext": ciphertext}))
