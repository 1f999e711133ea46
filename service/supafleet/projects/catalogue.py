"""What a project can be made of: releases and sizes, read from the data of the roles."""

from functools import cache
from typing import Any

import yaml

from supafleet.content import content_root


@cache
def release_names() -> tuple[str, ...]:
    """The releases this version carries, newest first."""
    folder = content_root() / "roles" / "project_stack" / "releases"
    return tuple(sorted((file.parent.name for file in folder.glob("*/release.yml")), reverse=True))


@cache
def size_names() -> tuple[str, ...]:
    """The sizes a project can have, smallest first."""
    data = _read("roles/project_stack/sizes.yml")
    return tuple(data.get("sizes", data))


@cache
def postgres_version(release: str) -> str:
    """The version of Postgres in a release, such as 17.6.1.136."""
    images = _read(f"roles/project_stack/releases/{release}/release.yml")["images"]
    return str(images["db"]).rpartition(":")[2]


@cache
def postgres_engine(release: str) -> str:
    """The major version of Postgres in a release."""
    return postgres_version(release).partition(".")[0]


def _read(path: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((content_root() / path).read_text())
    return document
