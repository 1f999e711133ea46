"""Environment files in the one notation that Docker Compose reads back unchanged."""

import re
from collections.abc import Mapping

from supafleet.stack.errors import RenderError

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
# An odd number of backslashes before a quote or at the end: inside single quotes the last one would escape the quote.
_LONE_BACKSLASH = re.compile(r"(?<!\\)(\\\\)*\\(?='|\Z)")
_EXPANDED = re.compile(r'[\\"$]')


def quote_value(value: str) -> str:
    """A value as Compose reads it back: in single quotes, where nothing is expanded.

    Compose knows one escape there, a backslash before a quote, and no way to write a backslash that stands for itself
    before a quote or at the end. Such a value goes into double quotes, where everything that has a meaning is escaped.
    """
    if _LONE_BACKSLASH.search(value):
        return '"' + _EXPANDED.sub(r"\\\g<0>", value) + '"'
    return "'" + value.replace("'", "\\'") + "'"


def format_environment(service: str, variables: Mapping[str, str]) -> str:
    """The text of one service's environment file, sorted by name.

    Raises:
        RenderError: a name or value that the notation cannot carry; names service and variable, never shows the value.
    """
    lines = []
    for name in sorted(variables):
        value = variables[name]
        if not _NAME.fullmatch(name):
            raise RenderError(f"{service}: {name!r} must be a name of capital letters, digits and _")
        if any(character in value for character in "\n\r\0"):
            raise RenderError(f"{service}: the value of {name} may not hold a line break or a NUL character")
        lines.append(f"{name}={quote_value(value)}\n")
    return "".join(lines)
