"""Which API to talk to, with which token: the environment, or the file that `supafleet up` writes."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from supafleet.cli.exits import UsageError

URL_VARIABLE = "SUPAFLEET_API_URL"
TOKEN_VARIABLE = "SUPAFLEET_ACCESS_TOKEN"  # noqa: S105 (the name of a variable, not a token)
CREDENTIALS_PATH = Path(".supafleet") / "credentials.env"


@dataclass(frozen=True)
class Connection:
    """One API and the token for it."""

    api_url: str
    access_token: str = field(repr=False)


def find_connection(environ: Mapping[str, str], directory: Path) -> Connection:
    """The connection of the environment, else of `.supafleet/credentials.env` in `directory` or a parent of it.

    URL and token always come from the same place: a token must never travel to a URL that somebody else named.

    Raises:
        UsageError: neither place names both.
    """
    from_environment = {name: environ[name] for name in (URL_VARIABLE, TOKEN_VARIABLE) if environ.get(name)}
    if from_environment:
        return _connection(from_environment, "the environment")
    for folder in (directory, *directory.parents):
        path = folder / CREDENTIALS_PATH
        if path.is_file():
            return _connection(read_credentials(path), str(path))
    raise UsageError(
        f"no API is named: set {URL_VARIABLE} and {TOKEN_VARIABLE}, "
        f"or work in a folder where `supafleet up` has written {CREDENTIALS_PATH}"
    )


def _connection(values: Mapping[str, str], source: str) -> Connection:
    for name in (URL_VARIABLE, TOKEN_VARIABLE):
        if not values.get(name):
            raise UsageError(f"{name} is missing in {source}: {URL_VARIABLE} and {TOKEN_VARIABLE} belong together")
    return Connection(values[URL_VARIABLE].rstrip("/"), values[TOKEN_VARIABLE])


def read_credentials(path: Path) -> dict[str, str]:
    """The variables of a credentials file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def write_credentials(path: Path, values: Mapping[str, str]) -> None:
    """Write a credentials file that only its owner can read; whoever reads it meanwhile sees the old or the new one."""
    text = "".join(f"{name}={value}\n" for name, value in values.items())
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o600)
            file.write("# Written by `supafleet up`. It holds secrets: do not commit it.\n" + text)
        os.replace(scratch, path)
    finally:
        scratch.unlink(missing_ok=True)
