"""The rules of API keys: making, telling and forgetting them."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlmodel import Session

from supafleet.api_keys import repository
from supafleet.api_keys.models import ApiKey
from supafleet.api_keys.schemas import ApiKeyCreate, ApiKeyPatch, ApiKeyResponse
from supafleet.db import utc_now
from supafleet.errors import AppError, Conflict, NotFound, quote
from supafleet.keys import generate_opaque_key
from supafleet.secrets import service as secrets
from supafleet.settings import Settings
from supafleet.stack.gateway import PUBLISHABLE_PREFIX, SECRET_PREFIX

MOST_KEYS = 50
LEGACY = {
    "anon": ("anon_key", "For clients: what it may do is decided by row-level security."),
    "service_role": ("service_role_key", "For servers: it passes by row-level security."),
}
_PREFIXES = {"publishable": PUBLISHABLE_PREFIX, "secret": SECRET_PREFIX}
_SHOWN = {"legacy": 6, "publishable": 20, "secret": 15}
_MASK = "·" * 12


class ApiKeyNotFound(NotFound):
    """The project has no such key."""

    code = "api_key_not_found"

    def __init__(self, key_id: str) -> None:
        super().__init__(f"API key {quote(key_id)} does not exist.")


class KeyNameTaken(Conflict):
    """The project has a key of this kind and name."""

    code = "key_name_taken"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"name: the project already has a {kind} key named {quote(name)}.")


@dataclass(frozen=True)
class Owner:
    """The project whose keys are asked for."""

    project_id: int
    created_at: datetime
    has_legacy_keys: bool


def list_keys(session: Session, owner: Owner, settings: Settings, *, reveal: bool) -> list[ApiKeyResponse]:
    """All keys that the gateway takes, the legacy ones first."""
    values = secrets.reveal_secrets(session, owner.project_id, settings)
    legacy = [_legacy(owner, name, values, reveal) for name in LEGACY] if owner.has_legacy_keys else []
    made = repository.list_keys(session, owner.project_id)
    return legacy + [_render(key, values[_secret_name(key)], reveal) for key in made]


def get_key(session: Session, owner: Owner, key_id: str, settings: Settings, *, reveal: bool) -> ApiKeyResponse:
    """One key.

    Raises:
        ApiKeyNotFound: there is none of this id.
    """
    for key in list_keys(session, owner, settings, reveal=reveal):
        if key.id == key_id:
            return key
    raise ApiKeyNotFound(key_id)


def create_key(
    session: Session, owner: Owner, body: ApiKeyCreate, settings: Settings, *, reveal: bool
) -> ApiKeyResponse:
    """Make a key.

    Raises:
        Conflict: the name is taken, or there are too many keys.
    """
    existing = repository.list_keys(session, owner.project_id)
    _check_name_is_free(existing, body.type, body.name)
    if len(existing) >= MOST_KEYS:
        raise Conflict(f"A project may have at most {MOST_KEYS} API keys: delete one first.")
    fields = {"project_id": owner.project_id, "kind": body.type, "name": body.name, "description": body.description}
    key = ApiKey.model_validate(fields)
    value = generate_opaque_key(body.type)
    session.add(key)
    secrets.replace_secret(session, owner.project_id, _secret_name(key), value, settings)
    session.flush()
    return _render(key, value, reveal)


def change_key(
    session: Session, owner: Owner, key_id: str, patch: ApiKeyPatch, settings: Settings, *, reveal: bool
) -> tuple[ApiKeyResponse, bool]:
    """Give a key another name or description; whether the project's services have to be told.

    Raises:
        ApiKeyNotFound, KeyNameTaken: there is none of this id, or another one has the name.
        AppError: it is a legacy key.
    """
    key = _require(session, owner, key_id)
    value = secrets.reveal_secrets(session, owner.project_id, settings)[_secret_name(key)]
    is_renamed = patch.name is not None and patch.name != key.name
    if is_renamed and patch.name is not None:
        _check_name_is_free(repository.list_keys(session, owner.project_id), key.kind, patch.name)
        secrets.replace_secret(session, owner.project_id, _secret_name(key), None, settings)
        key.name = patch.name
        secrets.replace_secret(session, owner.project_id, _secret_name(key), value, settings)
    if "description" in patch.model_fields_set:
        key.description = patch.description
    key.updated_at = utc_now()
    session.add(key)
    session.flush()
    return _render(key, value, reveal), is_renamed


def remove_key(session: Session, owner: Owner, key_id: str, settings: Settings, *, reveal: bool) -> ApiKeyResponse:
    """Forget a key; the gateway refuses it once that is applied.

    Raises:
        ApiKeyNotFound: there is none of this id.
        AppError: it is a legacy key.
    """
    key = _require(session, owner, key_id)
    value = secrets.reveal_secrets(session, owner.project_id, settings)[_secret_name(key)]
    secrets.replace_secret(session, owner.project_id, _secret_name(key), None, settings)
    repository.delete_key(session, key.id)
    return _render(key, value, reveal)


def forget_all(session: Session, project_id: int) -> None:
    """Forget what is told of a project's keys; the keys themselves go with its secrets."""
    repository.delete_all(session, project_id)


def _require(session: Session, owner: Owner, key_id: str) -> ApiKey:
    if key_id in LEGACY:
        raise AppError("A legacy key cannot be changed or deleted: switch both off with PUT api-keys/legacy.")
    key = repository.find_key(session, owner.project_id, key_id)
    if key is None:
        raise ApiKeyNotFound(key_id)
    return key


def _check_name_is_free(existing: list[ApiKey], kind: str, name: str) -> None:
    if any((key.kind, key.name) == (kind, name) for key in existing):
        raise KeyNameTaken(kind, name)


def _secret_name(key: ApiKey) -> str:
    return _PREFIXES[key.kind] + key.name


def _legacy(owner: Owner, name: str, values: dict[str, str], reveal: bool) -> ApiKeyResponse:
    secret, description = LEGACY[name]
    value = values[secret]
    return ApiKeyResponse(
        name=name,
        id=name,
        type="legacy",
        api_key=value if reveal or name == "anon" else value[: _SHOWN["legacy"]] + _MASK,
        description=description,
        inserted_at=owner.created_at,
        updated_at=owner.created_at,
    )


def _render(key: ApiKey, value: str, reveal: bool) -> ApiKeyResponse:
    is_secret = key.kind == "secret"
    prefix = value[: _SHOWN[key.kind]]
    return ApiKeyResponse(
        name=key.name,
        id=key.id,
        type="secret" if is_secret else "publishable",
        api_key=prefix + _MASK if is_secret and not reveal else value,
        prefix=prefix,
        description=key.description,
        hash=sha256(value.encode()).hexdigest(),
        secret_jwt_template={"role": "service_role"} if is_secret else None,
        inserted_at=key.created_at,
        updated_at=key.updated_at,
    )
