"""A role's README: a head written by hand, and its arguments generated from `meta/argument_specs.yml`."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

BEGIN = "<!-- arguments: generated from meta/argument_specs.yml by `python -m supafleet.docs roles` -->"
END = "<!-- end of the arguments -->"

# The markers of documentation text that Ansible knows: C(code), V(value), O(option), I(emphasis), B(bold), M(module).
_MARKUP = re.compile(r"\b([CVOIBM])\(([^)]*)\)")


class RoleReadmeError(Exception):
    """A role's README cannot be made; the message names the file and what is wrong with it."""


def render_role_readme(role: Path) -> str:
    """The whole text that the README of `role` should have.

    The text outside the two markers is kept as it is. A role without a README gets a head from its specification.

    Raises:
        RoleReadmeError: the specification is missing or empty, or one of the markers is.
    """
    specification = role / "meta" / "argument_specs.yml"
    if not specification.is_file():
        raise RoleReadmeError(f"{specification} is missing: every role describes its arguments there")
    entry_points = (yaml.safe_load(specification.read_text()) or {}).get("argument_specs")
    if not entry_points:
        raise RoleReadmeError(f"{specification} has no entry point under argument_specs")

    readme = role / "README.md"
    head, tail = _parts(readme) if readme.is_file() else (_first_head(role.name, entry_points), "\n")
    return f"{head}{BEGIN}\n\n{_arguments(entry_points)}\n{END}{tail}"


def _parts(readme: Path) -> tuple[str, str]:
    text = readme.read_text()
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise RoleReadmeError(f"{readme} lacks a marker: the line {BEGIN if not begin else END!r} must stand in it")
    return head, tail


def _first_head(name: str, entry_points: Mapping[str, Any]) -> str:
    main = entry_points.get("main") or next(iter(entry_points.values()))
    return f"# {name}\n\n{_prose(main.get('description') or main.get('short_description', ''))}\n\n"


def _arguments(entry_points: Mapping[str, Any]) -> str:
    sections = []
    for name, entry in entry_points.items():
        title = "## Arguments" if len(entry_points) == 1 else f"## Arguments of the entry point `{name}`"
        about = "" if name == "main" else f"{_prose(entry.get('short_description', '')).rstrip('.')}.\n\n"
        rows = list(_rows(entry.get("options") or {}, ""))
        table = ["| name | type | default | meaning |", "|---|---|---|---|", *rows] if rows else ["None."]
        sections.append(f"{title}\n\n{about}" + "\n".join(table) + "\n")
    return "\n".join(sections)


def _rows(options: Mapping[str, Any], parent: str) -> Iterator[str]:
    for name, option in options.items():
        whole = f"{parent}{name}"
        kind = option.get("type", "str")
        words = f"list of {option['elements']}" if kind == "list" and "elements" in option else kind
        meaning = _cell(_prose(option.get("description", "")))
        if option.get("choices"):
            meaning += " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
        yield f"| `{whole}` | {words} | {_default(option)} | {meaning} |"
        if option.get("options"):
            yield from _rows(option["options"], f"{whole}[]." if kind == "list" else f"{whole}.")


def _default(option: Mapping[str, Any]) -> str:
    if option.get("required"):
        return "required"
    if "default" not in option:
        return ""
    default = option["default"]
    return f"`{_cell(default if isinstance(default, str) and default else json.dumps(default))}`"


def _prose(text: str | list[str]) -> str:
    """Paragraphs of a specification as Markdown."""
    whole = " ".join(text) if isinstance(text, list) else text
    return _MARKUP.sub(_marked_up, " ".join(whole.split()))


def _marked_up(found: re.Match[str]) -> str:
    mark = {"I": "*", "B": "**"}.get(found[1], "`")
    return f"{mark}{found[2]}{mark}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
