"""The secrets of a project in a direct run: made once, kept beside the inventory, filled only where empty."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from supafleet.keys import generate_project_secrets

VARIABLE = "supafleet_project_secrets"
# What the volumes hold was written with these: the passwords of the database's roles are in it, and rows of Vault,
# Realtime and Logflare are encrypted.
_BOUND_TO_DATA = frozenset(
    {
        *("postgres_password", "authenticator_password", "auth_admin_password", "storage_admin_password"),
        *("functions_admin_password", "pgbouncer_password", "pgsodium_root_key"),
        *("realtime_db_enc_key", "logflare_db_encryption_key"),
    }
)
_HEAD = """---
# Made by Supafleet when the project was created. Keep it: the data of the project cannot be used without it.
"""


@dataclass(frozen=True)
class ProvidedSecrets:
    """Secrets by name, and the names that had to be generated."""

    values: dict[str, str]
    generated: tuple[str, ...]


def provide_secrets(given: Mapping[str, str]) -> ProvidedSecrets:
    """`given`, completed by freshly generated values for every name that is missing or empty."""
    present = {name: str(value) for name, value in given.items() if value}
    if "jwt_secret" not in present:
        # Keys signed with a secret that is gone would be refused by every service.
        present = {name: value for name, value in present.items() if name not in ("anon_key", "service_role_key")}
    fresh = generate_project_secrets(present.get("postgres_password"))
    generated = tuple(name for name in fresh if name not in present)
    return ProvidedSecrets({**fresh, **present}, generated)


def bound_to_data(names: Iterable[str]) -> list[str]:
    """Those of the secrets without which the data of a project cannot be used any more."""
    return [name for name in names if name in _BOUND_TO_DATA]


def save_secrets(path: Path, values: Mapping[str, str], encrypt: Callable[[str], str] | None) -> None:
    """Write the host variables file (0600), atomically; vault-encrypted when `encrypt` is given."""
    text = _HEAD + yaml.safe_dump({VARIABLE: dict(values)}, sort_keys=True)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(encrypt(text) if encrypt else text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
