"""The operations of the official Management API, as its document of November 2026 lists them."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from supafleet.permissions import Permission

_FILE = Path(__file__).with_name("operations.json")
_PARAMETER = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class Operation:
    """One official operation."""

    id: str
    method: str
    path: str
    success: int
    permissions: tuple[Permission, ...]

    @property
    def place(self) -> tuple[str, str]:
        """Method and path, whatever the parameters in it are called."""
        return place(self.method, self.path)


def place(method: str, path: str) -> tuple[str, str]:
    """Method and path, whatever the parameters in it are called."""
    return method.upper(), _PARAMETER.sub("{}", path)


@cache
def operations() -> tuple[Operation, ...]:
    """All of them, by path."""
    return tuple(
        Operation(row["id"], row["method"], row["path"], row["success"], tuple(map(Permission, row["permissions"])))
        for row in json.loads(_FILE.read_text(encoding="utf-8"))
    )


def unbuilt(built: Iterable[tuple[str, str]]) -> list[Operation]:
    """The operations that are at none of the built places; fixed paths come before those with parameters."""
    there = set(built)
    return sorted((one for one in operations() if one.place not in there), key=lambda one: (one.path, one.method))
