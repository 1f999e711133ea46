"""Differences between the official and the rendered stack, judged by the table of purposeful deviations."""

import re
import shlex
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined
from official_stack import AnyValue, Fields, Matches, Optional, ShellWords, as_environment
from stack_cases import Case

ROW_KEYS = {"service", "field", "upstream", "ours", "reason"}
_TEMPLATES = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 (values, not a web page)


@dataclass(frozen=True)
class Difference:
    """One field in which the rendered stack is not the official one."""

    service: str
    field: str
    upstream: Any
    ours: Any

    def sentence(self, case_name: str) -> str:
        """The difference, told to a reader."""
        return (
            f"{self.service}: {self.field} is {shown(self.ours)} but officially {shown(self.upstream)} ({case_name}), "
            "and no row of deviations.yml says why"
        )


@dataclass(frozen=True)
class Row:
    """One purposeful deviation."""

    number: int
    service: str
    field: str
    upstream: Any
    ours: Any
    reason: str


def shown(value: Any) -> str:
    """A value for a message: nothing is `absent`."""
    if isinstance(value, Matches):
        return f"text like {value.pattern}"
    if isinstance(value, AnyValue):
        return "present"
    if isinstance(value, ShellWords):
        return repr(value.text)
    return "absent" if value is None else repr(value)


def plain(value: Any) -> Any:
    """A mark as the plain value that a row may name."""
    if isinstance(value, Matches):
        return value.pattern
    if isinstance(value, ShellWords):
        return value.text
    return "any" if isinstance(value, AnyValue) else value


def differences(official: Fields, rendered: Fields) -> list[Difference]:
    """Every field whose rendered value is not the official one, in a fixed order."""
    found = []
    for key in sorted(official.keys() | rendered.keys()):
        upstream, ours = official.get(key), rendered.get(key)
        if not agrees(upstream, ours):
            found.append(Difference(*key, upstream, ours))
    return found


def agrees(upstream: Any, ours: Any) -> bool:
    """Whether a rendered value is what the official side allows."""
    match upstream:
        case Optional():
            return True
        case AnyValue():
            return ours is not None
        case Matches(pattern):
            return ours is not None and re.fullmatch(pattern, _as_line(ours), re.DOTALL) is not None
        case ShellWords(text):
            return _check_words(ours) == shlex.split(text)
    return equal(upstream, ours)


def equal(left: Any, right: Any) -> bool:
    """Equality of plain values; a number equals its text, as in YAML and environment files."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict | list) or isinstance(right, dict | list) or left is None or right is None:
        return bool(left == right)
    return bool(as_environment(left) == as_environment(right))


def _as_line(value: Any) -> str:
    return " ".join(str(word) for word in value) if isinstance(value, list) else str(value)


def _check_words(test: Any) -> list[str]:
    if isinstance(test, list) and test[:1] == ["CMD"]:
        return [str(word) for word in test[1:]]
    if isinstance(test, list) and test[:1] == ["CMD-SHELL"]:
        return shlex.split(test[1])
    return shlex.split(test) if isinstance(test, str) else []


def read_rows(path: Path) -> list[Row]:
    """The deviations table.

    Raises:
        ValueError: a row has not exactly the five keys, or its reason is no sentence.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    entries = content["deviations"] if isinstance(content, dict) else content
    rows = []
    for number, entry in enumerate(entries, start=1):
        if set(entry) != ROW_KEYS:
            raise ValueError(f"row {number} of {path.name} has the keys {sorted(entry)}, not {sorted(ROW_KEYS)}")
        if len(str(entry["reason"]).split()) < 3:
            raise ValueError(f"row {number} of {path.name} gives no reason in words: {entry['reason']!r}")
        rows.append(Row(number, **entry))
    return rows


def fill(value: Any, context: dict[str, Any]) -> Any:
    """A row's value with its facts filled in."""
    if isinstance(value, str):
        return _TEMPLATES.from_string(value).render(context) if "{{" in value or "{%" in value else value
    if isinstance(value, list):
        return [fill(item, context) for item in value]
    if isinstance(value, dict):
        return {key: fill(item, context) for key, item in value.items()}
    return value


def row_context(case: Case, compose: dict[str, Any]) -> dict[str, Any]:
    """The names that a row's values may use."""
    networks = compose["services"].get("vector", {}).get("networks", {})
    addresses = [network.get("ipv4_address") for network in networks.values() if network]
    version = case.engine_version
    return {
        "project": case.facts,
        "settings": case.settings,
        "secrets": case.secrets,
        "engine": {**case.engine, "major": int(version.split(".")[0])},
        "vector_address": next(iter(addresses), None),
        "size": case.project["size"],
    }


def covering(difference: Difference, rows: list[Row], context: dict[str, Any]) -> list[Row]:
    """The rows that name this very difference, values included."""
    return [
        row
        for row in rows
        if fnmatchcase(difference.service, row.service)
        and _field_matches(difference.field, row.field)
        and equal(plain(difference.upstream), fill(row.upstream, context))
        and equal(plain(difference.ours), fill(row.ours, context))
    ]


def _field_matches(name: str, pattern: str) -> bool:
    # Only `*` is special: field names themselves may hold brackets.
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), name) is not None


@dataclass
class Judgement:
    """What a comparison came to."""

    problems: list[str]
    used: set[int]


def judge(found: list[Difference], rows: list[Row], context: dict[str, Any], case_name: str) -> Judgement:
    """Sentences for every difference that is not covered by exactly one row, and the rows that were needed."""
    problems, used = [], set()
    for difference in found:
        covers = covering(difference, rows, context)
        used.update(row.number for row in covers)
        if not covers:
            near = [row for row in rows if fnmatchcase(difference.service, row.service)
                    and _field_matches(difference.field, row.field)]  # fmt: skip
            problems.append(difference.sentence(case_name) + _near_miss(near, context))
        elif len(covers) > 1:
            numbers = ", ".join(str(row.number) for row in covers)
            problems.append(f"{difference.service}: {difference.field} is covered by {len(covers)} rows: {numbers}")
    return Judgement(problems, used)


def _near_miss(near: list[Row], context: dict[str, Any]) -> str:
    if not near:
        return ""
    row = near[0]
    upstream, ours = fill(row.upstream, context), fill(row.ours, context)
    return f"; row {row.number} names the field, but with {shown(ours)} for officially {shown(upstream)}"


def stale_rows(rows: list[Row], used: set[int]) -> list[str]:
    """Sentences for rows that no rendered case needed."""
    return [
        f"row {row.number} of deviations.yml ({row.service}, {row.field}) covers no difference: remove it"
        for row in rows
        if row.number not in used
    ]
