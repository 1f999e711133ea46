"""The rules of secrets at rest."""

from collections.abc import Mapping

from sqlmodel import Session

from supafleet.db import utc_now
from supafleet.secrets import repository
from supafleet.secrets.cipher import SecretCipher, load_cipher
from supafleet.secrets.models import ProjectSecret
from supafleet.settings import Settings


def store_secrets(session: Session, project_id: int, values: Mapping[str, str], settings: Settings) -> None:
    """Keep a new project's secrets, encrypted."""
    cipher = load_cipher(settings)
    for name, value in values.items():
        session.add(
            ProjectSecret.model_validate({"project_id": project_id, "name": name, "ciphertext": cipher.encrypt(value)})
        )
    session.flush()


def replace_secret(session: Session, project_id: int, name: str, value: str | None, settings: Settings) -> None:
    """Keep another value under a name, or none."""
    repository.delete_project_secret(session, project_id, name)
    if value is not None:
        store_secrets(session, project_id, {name: value}, settings)


def reveal_secrets(session: Session, project_id: int, settings: Settings) -> dict[str, str]:
    """The project's secrets in the clear, by name."""
    cipher = load_cipher(settings)
    return {row.name: cipher.decrypt(row.ciphertext) for row in repository.list_project_secrets(session, project_id)}


def delete_secrets(session: Session, project_id: int) -> None:
    """Forget the project's secrets."""
    repository.delete_project_secrets(session, project_id)


def rotate_secrets(session: Session, cipher: SecretCipher) -> int:
    """Encrypt again, with the newest key, what an older one encrypted; the number of changed rows.

    Raises:
        StartRefused: a secret is opened by none of the keys.
    """
    changed = 0
    for row in repository.list_all_secrets(session):
        if cipher.is_newest(row.ciphertext):
            continue
        cipher.decrypt(row.ciphertext)
        row.ciphertext = cipher.rotate(row.ciphertext)
        row.updated_at = utc_now()
        session.add(row)
        changed += 1
    session.flush()
    return changed
