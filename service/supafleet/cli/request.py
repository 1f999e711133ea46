"""What a person types, as the body of a request."""

import json
import secrets
from pathlib import Path
from typing import Any

import yaml

from supafleet.cli.client import FleetClient
from supafleet.cli.exits import UsageError

_PASSWORD_BYTES = 16


def generate_password() -> str:
    """A database password within the alphabet and the length that the API allows."""
    return secrets.token_hex(_PASSWORD_BYTES)


def parse_settings(pairs: list[str], document: str | None = None, *, called: str = "--setting") -> dict[str, Any]:
    """The settings of a project: a YAML document, and `name=value` pairs that go above it.

    A dot goes one level down (`environment.auth.GOTRUE_SMTP_HOST=mail.example.com`). A value that begins with `[` or
    `{` is JSON; everything else is text, which the API turns into the number or switch that the setting wants.

    Args:
        called: what the command line calls a pair, for the sentence about a wrong one.

    Raises:
        UsageError: naming the pair or the document that cannot be read.
    """
    settings = _read_document(document) if document is not None else {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        *parents, leaf = name.split(".")
        if not equals or not all((*parents, leaf)):
            raise UsageError(f"{called} {pair!r} must have the form name=value or group.name=value")
        target = settings
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise UsageError(f"{called} {name}: {parent} is a value and cannot hold other settings")
        target[leaf] = _value(f"{called} {name}", text)
    return settings


def _read_document(document: str) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(document)
    except yaml.YAMLError as error:
        raise UsageError(f"--settings-file is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(settings, dict) or not all(isinstance(name, str) for name in settings):
        raise UsageError("--settings-file must hold settings by name")
    return settings


def _value(what: str, text: str) -> Any:
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"{what}: the value begins like JSON but is none ({error})") from error


def choose_organization(client: FleetClient, wanted: str | None) -> str:
    """The slug of the organization a project goes to; asked for only when there is a choice.

    Raises:
        UsageError: several organizations and none named, or none at all.
    """
    if wanted:
        return wanted
    slugs = [organization.slug for organization in client.organizations()]
    if len(slugs) == 1:
        return slugs[0]
    if not slugs:
        raise UsageError("this account has no organization to put a project into")
    raise UsageError(f"name the organization with --org: {', '.join(slugs)}")


def read_settings_file(path: Path) -> str:
    """The text of a settings file.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--settings-file: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--settings-file: {path} is not UTF-8 text") from error
