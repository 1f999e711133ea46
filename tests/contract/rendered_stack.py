"""What the renderer made, read back as fields: the Compose file, the environment files, Kong, Vector and SQL."""

import posixpath
import re
import shlex
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import yaml
from kong_view import kong_fields
from official_stack import Fields, database_command
from sql_view import other_statements, sql_effects
from stack_cases import Case
from vector_view import vector_fields

from supafleet.content import content_root
from supafleet.stack.render import render_project

# Structure of our own that the official files have no counterpart for; tested by name in test_official_stack.py.
_NOT_COMPARED = {"container_name", "labels"}
_INIT_FOLDER = "/docker-entrypoint-initdb.d/"
_ENVIRONMENT_LINE = re.compile(r"^([A-Za-z_]\w*)='((?:[^'\\]|\\.)*)'$")


@dataclass
class StackData:
    """Rendered data as plain, editable values, so that tests can plant faults in it."""

    root: str
    compose: dict[str, Any]
    environments: dict[str, dict[str, str]]
    kong: dict[str, Any]
    vector: dict[str, Any]
    sql: dict[str, str]

    def copy(self) -> "StackData":
        """An independent copy."""
        return deepcopy(self)


def read_environment(content: str) -> dict[str, str]:
    """The variables of an environment file; every line must be one single-quoted assignment."""
    variables = {}
    for line in content.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _ENVIRONMENT_LINE.match(line)
        if match is None:
            raise ValueError(f"the environment line of {line.partition('=')[0]} is not NAME='value'")
        variables[match[1]] = match[2].replace("\\'", "'")
    return variables


def stack_of(case: Case) -> StackData:
    """What the renderer makes of a case."""
    return read_stack(render_project(case.project, case.secrets, case.engine, content_root()), case)


def read_stack(rendered: Any, case: Case) -> StackData:
    """`rendered` (a RenderedProject) as plain data."""
    root = case.project["root"]
    contents = {path: file.content for path, file in rendered.files.items()}
    environments: dict[str, dict[str, str]] = {}
    for service, definition in rendered.compose["services"].items():
        variables: dict[str, str] = {}
        entries = definition.get("env_file", [])
        for entry in [entries] if isinstance(entries, str | dict) else entries:
            path = entry["path"] if isinstance(entry, dict) else entry
            variables.update(read_environment(contents[_relative(path, root)]))
        variables.update(_environment_mapping(definition.get("environment", {})))
        environments[service] = variables
    sql = {}
    for source, target, _ in map(_mount, rendered.compose["services"]["db"].get("volumes", [])):
        if target.startswith(_INIT_FOLDER):
            sql[posixpath.basename(target)] = contents[_relative(source, root)]
    return StackData(
        root=root,
        compose=deepcopy(rendered.compose),
        environments=environments,
        kong=yaml.safe_load(contents["kong/kong.yml"]),
        vector=yaml.safe_load(contents["vector/vector.yml"]),
        sql=sql,
    )


def rendered_fields(stack: StackData) -> Fields:
    """Every field of the rendered stack."""
    fields: Fields = {}
    for service, definition in stack.compose["services"].items():
        _add_service(fields, service, definition, stack)
    fields.update({("kong", name): value for name, value in kong_fields(stack.kong).items()})
    fields.update({("vector", f"pipeline.{name}"): value for name, value in vector_fields(stack.vector).items()})
    for name, text in stack.sql.items():
        fields["db", f"sql.{name}"] = sql_effects(text)
        statements = Counter(other_statements(text))
        fields.update({("db", f"sql.{name}.{statement}"): count for statement, count in statements.items()})
    return fields


def _relative(path: str, root: str) -> str:
    return posixpath.normpath(posixpath.relpath(path, root) if path.startswith("/") else path)


def _environment_mapping(environment: Any) -> dict[str, str]:
    if isinstance(environment, list):
        return dict(entry.split("=", 1) for entry in environment)
    return {name: str(value) for name, value in environment.items()}


def _mount(entry: Any) -> tuple[str, str, str]:
    """Source, container path and kind of one mount, from either of Compose's two forms."""
    if isinstance(entry, dict):
        kind = entry["type"] + (":ro" if entry.get("read_only") else "")
        return entry.get("source", ""), entry["target"], kind
    source, target, *options = entry.split(":")
    kind = "bind" if source.startswith(("/", ".", "~")) else "volume"
    return source, target, kind + (":ro" if options and "ro" in options[0].split(",") else "")


def _words(value: Any) -> list[str]:
    return shlex.split(value) if isinstance(value, str) else [str(word) for word in value]


def _add_service(fields: Fields, service: str, definition: dict[str, Any], stack: StackData) -> None:
    networks = definition.get("networks") or ["default"]
    aliases = {service}
    for network in networks.values() if isinstance(networks, dict) else ():
        aliases.update((network or {}).get("aliases", []))
    fields[service, "aliases"] = sorted(aliases)
    fields[service, "networks"] = sorted(networks)
    for name, value in stack.environments[service].items():
        fields[service, f"environment.{name}"] = value
    for key, value in definition.items():
        _add_key(fields, service, key, _unescaped(value), stack.root)


def _unescaped(value: Any) -> Any:
    """What Compose makes of a doubled dollar sign."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, dict):
        return {key: _unescaped(item) for key, item in value.items()}
    return [_unescaped(item) for item in value] if isinstance(value, list) else value


def _add_key(fields: Fields, service: str, key: str, value: Any, root: str) -> None:
    match key:
        case "networks" | "env_file" | "environment":
            pass
        case _ if key in _NOT_COMPARED:
            pass
        case "pull_policy" if value == "missing":
            pass  # Compose's own default
        case "command" if service == "db":
            fields.update(database_command(_words(value)))
        case "command" | "entrypoint":
            fields[service, key] = _words(value)
        case "ports":
            fields[service, key] = [_port(entry) for entry in value]
        case "volumes":
            for source, target, kind in map(_mount, value):
                fields[service, f"mounts.{target}"] = kind
                is_path = kind.startswith("bind")
                fields[service, f"mounts.{target}.source"] = _relative(source, root) if is_path else source
        case "depends_on":
            for name in value:
                condition = "service_started" if isinstance(value, list) else value[name]["condition"]
                fields[service, f"depends_on.{name}"] = condition
        case "healthcheck":
            for aspect, item in value.items():
                fields[service, f"healthcheck.{aspect}"] = item
        case "deploy":
            for name, item in value.items():
                if name != "resources":
                    fields[service, f"deploy.{name}"] = item
            for name, limits in value.get("resources", {}).items():
                fields[service, f"deploy.resources.{name}"] = sorted(limits)
        case _:
            fields[service, key] = value


def _port(entry: Any) -> str:
    if isinstance(entry, dict):
        parts = [entry.get("host_ip"), entry["published"], entry["target"]]
        return ":".join(str(part) for part in parts if part is not None)
    return str(entry)
