"""Secrets of edge functions: kept among the project's secrets, seen by its functions as environment."""

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256

from sqlmodel import Session

from supafleet.errors import InvalidField
from supafleet.functions.schemas import SecretCreate, SecretResponse
from supafleet.secrets import service as secrets
from supafleet.settings import Settings
from supafleet.stack.project import FUNCTION_SECRET_PREFIX

MOST_SECRETS = 100
#: They travel in one variable of the container, and Linux takes no longer one than 128 KiB.
_MOST_BYTES = 120 * 1024


def list_variables(session: Session, project_id: int, settings: Settings) -> list[SecretResponse]:
    """Names and digests by name."""
    return [
        SecretResponse(
            name=one.name.removeprefix(FUNCTION_SECRET_PREFIX),
            value=sha256(one.value.encode()).hexdigest(),
            updated_at=one.updated_at,
        )
        for one in secrets.reveal_prefixed(session, project_id, FUNCTION_SECRET_PREFIX, settings)
    ]


def set_variables(session: Session, project_id: int, wanted: Iterable[SecretCreate], settings: Settings) -> bool:
    """Keep these values; whether anything is different.

    Raises:
        InvalidField: together they are more than the functions can be given.
    """
    before = _values(session, project_id, settings)
    after = {**before, **{one.name: one.value.get_secret_value() for one in wanted}}
    _check(after)
    for name in sorted(name for name in after if after[name] != before.get(name)):
        secrets.replace_secret(session, project_id, FUNCTION_SECRET_PREFIX + name, after[name], settings)
    return after != before


def unset_variables(session: Session, project_id: int, names: Iterable[str], settings: Settings) -> bool:
    """Forget these secrets, those that are not there too; whether anything is different."""
    known = _values(session, project_id, settings).keys() & set(names)
    for name in sorted(known):
        secrets.replace_secret(session, project_id, FUNCTION_SECRET_PREFIX + name, None, settings)
    return bool(known)


def _values(session: Session, project_id: int, settings: Settings) -> dict[str, str]:
    found = secrets.reveal_prefixed(session, project_id, FUNCTION_SECRET_PREFIX, settings)
    return {one.name.removeprefix(FUNCTION_SECRET_PREFIX): one.value for one in found}


def _check(values: Mapping[str, str]) -> None:
    if len(values) > MOST_SECRETS:
        raise InvalidField("body", f"a project may have at most {MOST_SECRETS} secrets")
    if len(json.dumps(values)) > _MOST_BYTES:
        raise InvalidField("body", f"the secrets of a project may have at most {_MOST_BYTES // 1024} KiB together")
