"""The gateway's keys: which ones it takes, and the Lua that swaps opaque ones for tokens the services understand."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from supafleet.stack.errors import RenderError

#: Secrets of these names are keys of the gateway; the key's own name follows.
PUBLISHABLE_PREFIX = "api_key.publishable."
SECRET_PREFIX = "api_key.secret."  # noqa: S105 - a name
#: Keys that the project itself uses while the legacy keys are switched off.
OWN_PUBLISHABLE = "gateway_publishable_key"
OWN_SECRET = "gateway_secret_key"  # noqa: S105 - a name
# They stand between quotes in Lua and in no other notation.
_OPAQUE = re.compile(r"sb_(publishable|secret)_[A-Za-z0-9_-]{8,128}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Gateway:
    """What the release's templates say about keys.

    `anon` and `service_role` are the keys that the stack's own services use at the gateway. The texts are parts of Lua
    expressions; without opaque keys they are those of the official file.
    """

    anon: str
    service_role: str
    anon_credentials: list[dict[str, str]]
    service_role_credentials: list[dict[str, str]]
    refused_token: str
    bearer: str
    socket_key: str
    socket_query: str
    function_added: list[str]
    function_replaced: list[str]
    publishable_key: str
    secret_key: str
    publishable_keys: str
    secret_keys: str


def plan_gateway(secrets: Mapping[str, str], has_legacy_keys: bool) -> Gateway:
    """The keys of a project's secrets.

    Args:
        secrets: all secrets by name; those of the two prefixes are keys that an owner made.
        has_legacy_keys: whether the two JWT keys are taken.

    Raises:
        RenderError: a key is missing or not of the form that Lua text can hold; it names the key, never shows it.
    """
    publishable = _named(secrets, PUBLISHABLE_PREFIX)
    secret = _named(secrets, SECRET_PREFIX)
    tokens = {"anon": secrets["anon_key"], "service_role": secrets["service_role_key"]}
    own = (
        dict(tokens)
        if has_legacy_keys
        else {"anon": _own(secrets, OWN_PUBLISHABLE), "service_role": _own(secrets, OWN_SECRET)}
    )
    extra = [] if has_legacy_keys else [own]
    anon = [*(keys["anon"] for keys in extra), *publishable.values()]
    service_role = [*(keys["service_role"] for keys in extra), *secret.values()]
    swaps = [(token, keys) for token, keys in ((tokens["service_role"], service_role), (tokens["anon"], anon)) if keys]
    if swaps:
        _check_tokens(tokens)
    legacy = ([tokens["anon"]], [tokens["service_role"]]) if has_legacy_keys else ([], [])
    passed = "headers.apikey ~= nil and 'Bearer ' .. headers.apikey"
    refused = "" if has_legacy_keys else _refused(tokens.values())
    return Gateway(
        anon=own["anon"],
        service_role=own["service_role"],
        anon_credentials=[{"key": key} for key in [*legacy[0], *anon]],
        service_role_credentials=[{"key": key} for key in [*legacy[1], *service_role]],
        refused_token=refused,
        bearer=_either([*_swapped("headers.apikey", swaps, "Bearer "), *([passed] if has_legacy_keys else [])]),
        socket_key=_either(
            [
                *_swapped("query_params.apikey", swaps),
                *_swapped("headers.apikey", swaps),
                *(["query_params.apikey or headers.apikey"] if has_legacy_keys else []),
            ]
        ),
        socket_query=_either(
            [*_swapped("query_params.apikey", swaps), *(["query_params.apikey"] if has_legacy_keys else [])]
        ),
        function_added=_function_added(swaps),
        function_replaced=[] if has_legacy_keys else [_function_replaced(refused)],
        publishable_key=_first(publishable),
        secret_key=_first(secret),
        publishable_keys=_listed(publishable),
        secret_keys=_listed(secret),
    )


def _named(secrets: Mapping[str, str], prefix: str) -> dict[str, str]:
    found = {name.removeprefix(prefix): secrets[name] for name in sorted(secrets) if name.startswith(prefix)}
    for name, key in found.items():
        _check_opaque(prefix + name, key)
    return found


def _own(secrets: Mapping[str, str], name: str) -> str:
    key = secrets.get(name) or ""
    if not key:
        raise RenderError(f"the secret {name} is missing, and the project needs it while legacy_api_keys is false")
    _check_opaque(name, key)
    return key


def _check_opaque(name: str, key: str) -> None:
    if not _OPAQUE.fullmatch(key):
        raise RenderError(
            f"the secret {name} must begin with sb_publishable_ or sb_secret_ and hold letters, digits, _ and -"
        )


def _check_tokens(tokens: Mapping[str, str]) -> None:
    for role, token in tokens.items():
        if not _TOKEN.fullmatch(token):
            raise RenderError(f"the secret {role}_key must be a JWT, because opaque keys are swapped for it")


def _swapped(source: str, swaps: list[tuple[str, list[str]]], scheme: str = "") -> list[str]:
    return [
        "({}) and '{}'".format(" or ".join(f"{source} == '{key}'" for key in keys), scheme + token)
        for token, keys in swaps
    ]


def _either(choices: list[str]) -> str:
    return " or ".join(f"({choice})" for choice in choices)


def _refused(tokens: Iterable[str]) -> str:
    """A legacy key that is switched off is no token either."""
    return "".join(f" and headers.authorization:sub(-{len(token)}) ~= '{token}'" for token in tokens)


def _function_added(swaps: list[tuple[str, list[str]]]) -> list[str]:
    if not swaps:
        return []
    in_bearer = [(token, [f"Bearer {key}" for key in keys]) for token, keys in swaps]
    choices = _swapped("headers.apikey", swaps) + _swapped("headers.authorization", in_bearer)
    return [f"sb-api-key:$({_either(choices)} or '')"]


def _function_replaced(refused: str) -> str:
    return f"Authorization:$((headers.authorization ~= nil{refused} and headers.authorization) or '')"


def _first(keys: Mapping[str, str]) -> str:
    return keys.get("default") or next(iter(keys.values()), "")


def _listed(keys: Mapping[str, str]) -> str:
    # What the official file gives while there are no opaque keys.
    return json.dumps(keys or {"default": ""}, separators=(",", ":"))
