"""Auth's configuration: what the project's settings make of it, and what a change makes of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from supafleet.errors import InvalidField
from supafleet.project_config import fields
from supafleet.project_config.auth_fields import FIELDS, HOOKS, ONLY_TOLD, PROVIDERS, SEVERAL_CLIENTS
from supafleet.stack.settings import ProjectSettings

SERVICE = "auth"
PLACES = fields.places(FIELDS.values())
_PREFIX = "GOTRUE_"

if TYPE_CHECKING:

    class AuthConfigPatch(BaseModel):
        """What shall be different."""

    class AuthConfig(BaseModel):
        """Auth's configuration."""

else:
    AuthConfigPatch = fields.patch_model("AuthConfigPatch", FIELDS.values())
    AuthConfig = fields.answer_model("AuthConfig", (*FIELDS.values(), *ONLY_TOLD))


def read(settings: ProjectSettings, ref: str) -> dict[str, Any]:
    """All official fields by name."""
    told = fields.current((*FIELDS.values(), *ONLY_TOLD), SERVICE, settings, ref)
    for provider in SEVERAL_CLIENTS:
        first, _, others = str(told[f"external_{provider}_client_id"] or "").partition(",")
        told[f"external_{provider}_client_id"] = first or None
        told[f"external_{provider}_additional_client_ids"] = others or None
    return told


def read_variables(settings: ProjectSettings, ref: str) -> dict[str, Any]:
    """The same by GoTrue's own names, as the second version of the API tells them."""
    told = read(settings, ref)
    named = {
        field.name: field.variable.removeprefix(_PREFIX).lower()
        for field in FIELDS.values()
        if field.variable and not field.entry
    }
    return {named.get(name, name): value for name, value in told.items()}


def change(settings: ProjectSettings, patch: Mapping[str, Any]) -> dict[str, Any]:
    """What a change makes of the settings.

    Raises:
        InvalidField: a field cannot be what the change says, alone or beside the others.
    """
    wished = fields.wishes(FIELDS, SERVICE, settings, _with_joined_clients(settings, patch))
    variables: dict[str, str] = (wished["environment"] or {}).get(SERVICE, {})
    _check_mail(settings, wished, variables)
    _check_captcha(variables)
    for hook in HOOKS:
        _check_hook(hook, variables)
    for provider in PROVIDERS:
        if _is_on(variables, f"EXTERNAL_{provider}_ENABLED") and not _has(variables, f"EXTERNAL_{provider}_CLIENT_ID"):
            raise InvalidField(f"external_{provider}_client_id", "is required while the provider is enabled")
    if _is_on(variables, "PASSKEY_ENABLED"):
        for name in ("webauthn_rp_id", "webauthn_rp_display_name", "webauthn_rp_origins"):
            if not _has(variables, name):
                raise InvalidField(name, "is required while passkeys are enabled")
    return wished


def _with_joined_clients(settings: ProjectSettings, patch: Mapping[str, Any]) -> dict[str, Any]:
    """The patch with the client ids of a provider as the one list that GoTrue reads."""
    joined = dict(patch)
    told = read(settings, "")
    for provider in SEVERAL_CLIENTS:
        names = (f"external_{provider}_client_id", f"external_{provider}_additional_client_ids")
        if not any(name in patch for name in names):
            continue
        first, others = (patch.get(name, told[name]) for name in names)
        if others and not first:
            raise InvalidField(names[0], f"is required beside {names[1]}")
        joined.pop(names[1], None)
        joined[names[0]] = ",".join(part for part in (first, others) if part) or None
    return joined


def _check_mail(settings: ProjectSettings, wished: Mapping[str, Any], variables: Mapping[str, str]) -> None:
    after = settings.model_copy(
        update={
            "mailer_autoconfirm": wished.get("mailer_autoconfirm", settings.mailer_autoconfirm),
            "environment": wished["environment"] or {},
        }
    )
    if after.confirms_automatically and _is_on(variables, "MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS"):
        raise InvalidField(
            "mailer_allow_unverified_email_sign_ins", "cannot be true while mailer_autoconfirm is: Auth refuses both"
        )


def _check_captcha(variables: Mapping[str, str]) -> None:
    if _is_on(variables, "SECURITY_CAPTCHA_ENABLED"):
        for name in ("security_captcha_provider", "security_captcha_secret"):
            if not _has(variables, name):
                raise InvalidField(name, "is required while the captcha is enabled")


def _check_hook(hook: str, variables: Mapping[str, str]) -> None:
    uri = variables.get(f"{_PREFIX}HOOK_{hook}_URI".upper(), "")
    if uri and not uri.startswith(("pg-functions://", "https://")):
        raise InvalidField(f"hook_{hook}_uri", "must begin with pg-functions:// or https://")
    if not _is_on(variables, f"HOOK_{hook}_ENABLED"):
        return
    if not uri:
        raise InvalidField(f"hook_{hook}_uri", "is required while the hook is enabled")
    if uri.startswith("https") and not _has(variables, f"HOOK_{hook}_SECRETS"):
        raise InvalidField(f"hook_{hook}_secrets", "is required for a hook that is reached over https")


def _is_on(variables: Mapping[str, str], name: str) -> bool:
    return variables.get(f"{_PREFIX}{name}".upper(), "").lower() == "true"


def _has(variables: Mapping[str, str], name: str) -> bool:
    return bool(variables.get(f"{_PREFIX}{name}".upper()))
