"""The gateway's declarative file as fields, its request-transformer Lua by outcome."""

import re
from collections.abc import Mapping
from typing import Any

from lua_expression import render_template

# What a plugin does when its file says nothing.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "key-auth": {"hide_credentials": False},
    "basic-auth": {"hide_credentials": False},
}
_CREDENTIALS = ("acls", "basicauth_credentials", "keyauth_credentials")
_CLEARED = re.compile(r"""clear_header\(\s*["']([\w-]+)["']\s*\)""")
_KEY, _TOKEN = "legacy.key.signature", "Bearer user.token.signature"
_OPAQUE = "Bearer sb_publishable_0123456789012345678901_01234567"
# Case name -> (headers, query) of a client's request.
REQUESTS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "user-token": ({"authorization": _TOKEN, "apikey": _KEY}, {}),
    "apikey-only": ({"apikey": _KEY}, {}),
    "opaque-bearer": ({"authorization": _OPAQUE, "apikey": _KEY}, {}),
    "neither": ({}, {}),
    "apikey-query": ({}, {"apikey": _KEY}),
    "forged": ({"sb-api-key": "forged", "authorization": _TOKEN, "apikey": _KEY}, {}),
}
# Transformed name -> the cases that tell something about it.
_OUTCOMES = {
    "authorization": ("user-token", "apikey-only", "opaque-bearer", "neither"),
    "content-profile": ("apikey-only",),
    "x-api-key": ("apikey-query", "apikey-only"),
    "sb-api-key": ("forged",),
    "query": ("apikey-query",),
}


def kong_fields(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Every field of the declarative file."""
    fields: dict[str, Any] = {
        f"file.{name}": value
        for name, value in declared.items()
        if name not in ("services", "consumers", *_CREDENTIALS)
    }
    consumers = [*declared.get("consumers", []), *_undeclared_consumers(declared)]
    fields["consumers"] = sorted(consumer["username"] for consumer in consumers)
    for consumer in consumers:
        _add_consumer(fields, consumer, declared)
    fields["routes.order"] = [service["name"] for service in declared["services"]]
    for service in declared["services"]:
        _add_service(fields, service)
    return fields


def _undeclared_consumers(declared: Mapping[str, Any]) -> list[dict[str, str]]:
    """Those who only have credentials: the gateway may know them from elsewhere."""
    known = {consumer["username"] for consumer in declared.get("consumers", [])}
    named = {str(entry.get("consumer")) for kind in _CREDENTIALS for entry in declared.get(kind, [])}
    return [{"username": name} for name in sorted(named - known)]


def _add_consumer(fields: dict[str, Any], consumer: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
    name = consumer["username"]

    def entries(kind: str) -> list[Mapping[str, Any]]:
        elsewhere = [entry for entry in declared.get(kind, []) if str(entry.get("consumer")) == name]
        return [*consumer.get(kind, []), *elsewhere]

    if keys := [entry["key"] for entry in entries("keyauth_credentials")]:
        fields[f"consumers.{name}.keys"] = keys
    if groups := [entry["group"] for entry in entries("acls")]:
        fields[f"consumers.{name}.groups"] = groups
    for entry in entries("basicauth_credentials"):
        fields[f"consumers.{name}.basic_auth"] = [entry["username"], entry["password"]]
    known = {"username", "keyauth_credentials", "acls", "basicauth_credentials"}
    for extra in consumer.keys() - known:
        fields[f"consumers.{name}.{extra}"] = consumer[extra]


def _add_service(fields: dict[str, Any], service: Mapping[str, Any]) -> None:
    prefix = f"routes.{service['name']}"
    for aspect, value in service.items():
        if aspect not in ("name", "url", "routes", "plugins"):
            fields[f"{prefix}.{aspect}"] = value
    fields[f"{prefix}.upstream"] = service.get("url")
    routes = service["routes"]
    if len(routes) != 1:
        fields[f"{prefix}.number_of_routes"] = len(routes)
    for route in routes:
        for aspect, value in route.items():
            if aspect not in ("name", "plugins"):
                fields[f"{prefix}.{aspect}"] = value
    plugins = [*service.get("plugins", []), *(plugin for route in routes for plugin in route.get("plugins", []))]
    fields[f"{prefix}.plugins"] = sorted(plugin["name"] for plugin in plugins)
    for plugin in plugins:
        _add_plugin(fields, prefix, plugin, _cleared(plugins))


def _cleared(plugins: list[Mapping[str, Any]]) -> set[str]:
    """The headers that a post-function takes away again when they are empty."""
    functions = [text for plugin in plugins if plugin["name"] == "post-function" for text in plugin["config"]["access"]]
    return {header.lower() for text in functions for header in _CLEARED.findall(text)}


def _add_plugin(fields: dict[str, Any], prefix: str, plugin: Mapping[str, Any], cleared: set[str]) -> None:
    name, config = plugin["name"], {**_DEFAULTS.get(plugin["name"], {}), **(plugin.get("config") or {})}
    if name == "request-transformer":
        for outcome, value in transform_outcomes(config, cleared).items():
            fields[f"{prefix}.transform.{outcome}"] = value
    elif name == "post-function":
        for phase, functions in config.items():
            cleared = {header.lower() for text in functions for header in _CLEARED.findall(text)}
            fields[f"{prefix}.{name}.{phase}"] = sorted(cleared)
    else:
        for option, value in config.items():
            fields[f"{prefix}.{name}.{option}"] = sorted(value) if isinstance(value, list) else value
    for extra in plugin.keys() - {"name", "config"}:
        fields[f"{prefix}.{name}.{extra}"] = plugin[extra]


def transform_outcomes(config: Mapping[str, Any], cleared: set[str]) -> dict[str, str]:
    """What the service behind gets of the sample requests, for the names that the transformer touches."""
    touched = _touched(config)
    outcomes: dict[str, str] = {}
    for target in touched:
        for case in _OUTCOMES.get(target, tuple(REQUESTS)):
            headers, query = transform(config, *REQUESTS[case])
            value = query.get("apikey") if target == "query" else headers.get(target)
            outcomes[f"{target}.{case}"] = _told(None if target in cleared and not value else value)
    if "authorization" not in touched:
        outcomes["authorization.user-token"] = _told(_TOKEN)
    return outcomes


def _told(value: str | None) -> str:
    return "not sent" if value is None else value.replace(_TOKEN, "<token>").replace(_KEY, "<key>")


def _pairs(config: Mapping[str, Any], action: str, kind: str) -> list[tuple[str, str]]:
    entries = (config.get(action) or {}).get(kind) or []
    pairs = (entry.partition(":") for entry in entries)
    # The plugin takes the value as it stands: on the wire a header loses its outer blanks, a query parameter does not.
    return [(name.lower(), value.strip() if kind == "headers" else value) for name, _, value in pairs]


def _touched(config: Mapping[str, Any]) -> list[str]:
    actions = ("add", "replace", "remove")
    headers = {name for action in actions for name, _ in _pairs(config, action, "headers")}
    queries = {name for action in actions for name, _ in _pairs(config, action, "querystring")}
    return sorted(headers) + (["query"] if queries else [])


def transform(
    config: Mapping[str, Any], headers: Mapping[str, str], query: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Headers and query after the plugin: remove, replace, add, in the plugin's order."""
    scope = {"headers": dict(headers), "query_params": dict(query)}
    results = []
    for kind, sent in (("headers", dict(headers)), ("querystring", dict(query))):
        for name, _ in _pairs(config, "remove", kind):
            sent.pop(name, None)
        for action, wanted in (("replace", True), ("add", False)):
            for name, template in _pairs(config, action, kind):
                if (name in sent) is wanted:
                    sent[name] = render_template(template, scope)
        results.append(sent)
    if unknown := config.keys() - {"remove", "replace", "add", "http_method"}:
        raise ValueError(f"the contract does not know request-transformer's {sorted(unknown)}")
    return results[0], results[1]
