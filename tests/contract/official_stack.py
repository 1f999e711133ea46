"""The official stack as fields: what release 2026.09 of the official files says, typed under `official/`.

The source of a mounted file or folder is told below the official folder `volumes/`, whose counterpart is the project's
root. A field is a pair (service, name); its value is plain data, or one of the three marks below where the official
side leaves room. `<secret:x>`, `<project:x>` and `<setting:x>` in a table stand for that fact of the case.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from stack_cases import SERVICES, Case, official_table

Fields = dict[tuple[str, str], Any]
_FACT = re.compile(r"<(secret|project|setting):(\w+)>")


@dataclass(frozen=True)
class Matches:
    """Any text that the regular expression matches as a whole."""

    pattern: str


@dataclass(frozen=True)
class AnyValue:
    """Present, with whatever value."""


@dataclass(frozen=True)
class Optional:
    """Present or not, with whatever value."""


@dataclass(frozen=True)
class ShellWords:
    """A health check whose words are fixed, in either of Compose's two forms."""

    text: str


_MARKS = {"matches": Matches, "any": lambda _: AnyValue(), "optional": lambda _: Optional()}


def resolve(value: Any, case: Case) -> Any:
    """`value` with its facts filled in and its marks made."""
    if isinstance(value, str):
        return _resolve_text(value, case)
    if isinstance(value, list):
        return [resolve(item, case) for item in value]
    if isinstance(value, dict):
        if len(value) == 1 and (key := next(iter(value))) in _MARKS:
            return _MARKS[key](value[key])
        return {key: resolve(item, case) for key, item in value.items()}
    return value


def _resolve_text(text: str, case: Case) -> Any:
    facts = {"secret": case.secrets, "project": case.facts, "setting": case.settings}
    if whole := _FACT.fullmatch(text):
        return facts[whole[1]][whole[2]]
    return _FACT.sub(lambda match: str(facts[match[1]][match[2]]), text)


def as_environment(value: Any) -> Any:
    """A value as the text that a container sees."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def official_fields(case: Case) -> Fields:
    """Every field of the official stack for `case`."""
    fields: Fields = {}
    for service in SERVICES:
        _add_service(fields, service, resolve(official_table(f"services/{service}.yml"), case))
        fields[service, "image"] = case.registry_prefix + fields[service, "image"]
    _add_kong(fields, case)
    _add_vector(fields, case)
    for name, effects in official_table("init_sql.yml").items():
        statements = Counter(effects.get("statements", []))
        fields["db", f"sql.{name}"] = {kind: value for kind, value in effects.items() if kind != "statements"}
        fields.update({("db", f"sql.{name}.{statement}"): count for statement, count in statements.items()})
    _add_own_wishes(fields, case)
    return fields


def _add_own_wishes(fields: Fields, case: Case) -> None:
    """What the owner's settings make of any stack."""
    for service in SERVICES:
        if service != "db" and "health_interval" in case.own_settings:
            fields[service, "healthcheck.interval"] = f"{case.own_settings['health_interval']}s"
        for name, value in case.own_settings.get("environment", {}).get(service, {}).items():
            fields[service, f"environment.{name}"] = value
    for name, value in case.own_settings.get("postgres", {}).items():
        fields["db", f"command.{name}"] = value
    for service, image in case.own_settings.get("images", {}).items():
        fields[service, "image"] = image


def _add_service(fields: Fields, service: str, table: dict[str, Any]) -> None:
    fields[service, "networks"] = ["default"]
    for key, value in table.items():
        match key:
            case "environment":
                for name, text in value.items():
                    fields[service, f"environment.{name}"] = as_environment(text)
            case "healthcheck":
                for aspect, item in value.items():
                    item = ShellWords(item) if aspect == "test" and isinstance(item, str) else item
                    fields[service, f"healthcheck.{aspect}"] = item
            case "mounts":
                for name, item in value.items():
                    fields[service, f"mounts.{name}"], fields[service, f"mounts.{name}.source"] = item.split()
            case "depends_on":
                for name, item in value.items():
                    fields[service, f"depends_on.{name}"] = item
            case "command" if service == "db":
                fields.update(database_command(value))
            case _:
                fields[service, key] = value


def database_command(words: list[str]) -> Fields:
    """The database's command, each `-c name=value` as a field of its own."""
    rest, fields, position = [], {}, 0
    while position < len(words):
        if words[position] == "-c" and position + 1 < len(words):
            name, _, value = words[position + 1].partition("=")
            fields["db", f"command.{name}"] = value
            position += 2
        else:
            rest.append(words[position])
            position += 1
    return {("db", "command"): rest, **fields}


def _add_kong(fields: Fields, case: Case) -> None:
    table = official_table("kong_file.yml")
    for name, value in table["file"].items():
        fields["kong", f"file.{name}"] = value
    fields["kong", "consumers"] = sorted(table["consumers"])
    for name, aspects in resolve(table["consumers"], case).items():
        for aspect, value in aspects.items():
            fields["kong", f"consumers.{name}.{aspect}"] = value
    fields["kong", "routes.order"] = [route["name"] for route in table["routes"]]
    for route in table["routes"]:
        _add_route(fields, route, table["transforms"], case)


def _add_route(fields: Fields, route: dict[str, Any], transforms: dict[str, Any], case: Case) -> None:
    prefix = f"routes.{route['name']}"
    fields["kong", f"{prefix}.strip_path"] = True
    for aspect in ("paths", "expression", "upstream", "protocol", "read_timeout"):
        if aspect in route:
            fields["kong", f"{prefix}.{aspect}"] = resolve(route[aspect], case)
    opened = bool(case.settings["mcp_allowed_addresses"]) and "opened_plugins" in route
    plugins = resolve(route["opened_plugins" if opened else "plugins"], case)
    fields["kong", f"{prefix}.plugins"] = sorted(plugins)
    for plugin, config in plugins.items():
        for name, value in config.items():
            fields["kong", f"{prefix}.{plugin}.{name}"] = sorted(value) if isinstance(value, list) else value
    for outcome, value in transforms.get(route.get("transform"), {}).items():
        fields["kong", f"{prefix}.transform.{outcome}"] = value


def _add_vector(fields: Fields, case: Case) -> None:
    table = resolve(official_table("vector_file.yml"), case)
    for component in ("api", "source", "router"):
        for aspect, value in table[component].items():
            fields["vector", f"pipeline.{component}.{aspect}"] = value
    for name, aspects in table["transforms"].items():
        for aspect, value in aspects.items():
            fields["vector", f"pipeline.{name}.{aspect}"] = value
    for source_name, inputs in table["sinks"].items():
        for aspect, value in {**table["every_sink"], "inputs": inputs}.items():
            value = value.replace("<source_name>", source_name) if isinstance(value, str) else value
            fields["vector", f"pipeline.{source_name}.{aspect}"] = value
