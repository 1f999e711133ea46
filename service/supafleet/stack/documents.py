"""YAML in and out: the same bytes for the same data."""

from pathlib import Path
from typing import Any

import yaml

from supafleet.stack.errors import RenderError

# The same data, ten times faster, where the C library is there. Writing stays with the Python code: its bytes must be
# the same everywhere.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_OTHER_BREAKS = frozenset("\x85\u2028\u2029")


class _Dumper(yaml.SafeDumper):
    """Indents lists, quotes what another program may expand, shows programs as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None
    if _OTHER_BREAKS & set(value):
        # To YAML these are line breaks, which any other style turns into spaces.
        style = '"'
    elif "\n" in value:
        style = "|"
    elif "$" in value:
        # Vector puts variables into the text before it parses it: only quotes keep such a value a string.
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _represent_text)


def dump_yaml(data: Any, heading: str) -> str:
    """A YAML document under a comment; keys keep their order."""
    body = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return f"# {heading}\n---\n{body}"


def read_yaml(path: Path) -> Any:
    """The data of one YAML file of ours, or a RenderError that names the file."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - both are safe loaders
    except (OSError, yaml.YAMLError) as error:
        raise RenderError(f"{path} cannot be read: {error}") from error
