"""The rules of secrets at rest."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from supafleet.db import utc_now
from supafleet.keys import generate_project_secrets
from supafleet.secrets import repository
from supafleet.secrets.cipher import SecretCipher, load_cipher
from supafleet.secrets.models import ProjectSecret
from supafleet.settings import Settings


@dataclass(frozen=True)
class Revealed:
    """A secret in the clear."""

    name: str
    value: str = field(repr=False)
    updated_at: datetime


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


def reveal_prefixed(session: Session, project_id: int, prefix: str, settings: Settings) -> list[Revealed]:
    """The project's secrets whose name begins so, in the clear, by name."""
    rows = [row for row in repository.list_project_secrets(session, project_id) if row.name.startswith(prefix)]
    cipher = load_cipher(settings)
    return [Revealed(row.name, cipher.decrypt(row.ciphertext), row.updated_at) for row in sorted(rows, key=_name_of)]


def complete_secrets(session: Session, cipher: SecretCipher, names: Collection[str]) -> int:
    """Give every project those of these secrets that came with a later version; the number of new ones."""
    projects: dict[int, set[str]] = {}
    for row in repository.list_all_secrets(session):
        projects.setdefault(row.project_id, set()).add(row.name)
    added = 0
    for project_id, known in projects.items():
        missing = sorted(set(names) - known)
        fresh = generate_project_secrets() if missing else {}
        for name in missing:
            session.add(
                ProjectSecret.model_validate(
                    {"project_id": project_id, "name": name, "ciphertext": cipher.encrypt(fresh[name])}
                )
            )
            added += 1
    session.flush()
    return added


def _name_of(row: ProjectSecret) -> str:
    return row.name


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
