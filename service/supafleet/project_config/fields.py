"""A field of the official configuration, and the place in a project's settings that it stands for."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from supafleet.errors import InvalidField
from supafleet.stack.mail_templates import LONGEST_TEMPLATE
from supafleet.stack.settings import ProjectSettings, one_line

#: A single word of an environment may hold 128 KiB; nothing here comes near that.
LONGEST_TEXT = 8192
# An owner may give a variable any text, so none of these takes digits without end.
_DURATION_PART = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(h|ms|m|s)"
_DURATION = re.compile(f"(?:{_DURATION_PART})+")
_DURATION_PARTS = re.compile(_DURATION_PART)
_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_HOUR = 3600


class Kind(StrEnum):
    """What a value is, and how a service's environment writes it."""

    BOOL = "bool"
    INT = "int"
    TEXT = "text"
    SECRET = "secret"  # noqa: S105 - a kind: kept encrypted, told only as a hash
    SECONDS = "seconds"  # a number here, a duration with its unit there
    HOURS = "hours"
    CODES = "codes"  # phone=code,... here, phone:code,... there


@dataclass(frozen=True)
class ConfigField:
    """One official field.

    A field has a `setting` of the project or a `variable` of the service's environment. One with neither is fixed: it
    has its default as the only value, `because` of what this stack is.
    """

    name: str
    kind: Kind
    default: Any = None
    variable: str = ""
    setting: str = ""
    #: The key of a setting that is a mapping; the variable, when the owner sets it, is about something else then.
    entry: str = ""
    #: The attribute of ProjectSettings that tells the value when the setting itself is unset.
    told_by: str = ""
    because: str = ""
    low: int | None = None
    high: int | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None

    @property
    def is_fixed(self) -> bool:
        """Whether it cannot be changed."""
        return not self.setting and not self.variable


def current(
    fields: Iterable[ConfigField], service: str, settings: ProjectSettings, ref: str
) -> dict[str, bool | int | float | str | None]:
    """The value of every field as the service has it; secrets as a keyed hash that a client can compare."""
    variables = settings.environment.get(service, {})
    return {field.name: _hidden(field, _value(field, variables, settings), ref) for field in fields}


def wishes(
    fields: Mapping[str, ConfigField], service: str, settings: ProjectSettings, patch: Mapping[str, Any]
) -> dict[str, Any]:
    """What the patch makes of the project's settings, as `configuration.rewrite_settings` takes it.

    Raises:
        InvalidField: a field cannot be what the patch says; nothing is changed.
    """
    environment = {name: dict(values) for name, values in settings.environment.items()}
    variables = environment.setdefault(service, {})
    wished: dict[str, Any] = {}
    for name, value in patch.items():
        field = fields[name]
        if field.is_fixed:
            if value is not None and value != field.default:
                raise InvalidField(name, f"cannot be changed: {field.because}")
            continue
        if field.entry:
            entries = wished.setdefault(field.setting, dict(getattr(settings, field.setting)))
            entries.pop(field.entry, None)
            if value:
                entries[field.entry] = value
                variables.pop(field.variable, None)
            continue
        if isinstance(value, str):
            _check_text(name, value)
        if field.setting:
            wished[field.setting] = value
            variables.pop(field.variable, None)  # an override of the owner would win over the setting
        elif (text := _written(field, value)) is None:
            variables.pop(field.variable, None)
        else:
            variables[field.variable] = text
    kept = {name: values for name, values in environment.items() if values}
    # What is empty is the default again.
    return {name: None if value == {} else value for name, value in {**wished, "environment": kept}.items()}


def places(fields: Iterable[ConfigField]) -> dict[str, str]:
    """Official names by the place that the checks of ProjectSettings name."""
    return {
        f"settings.{field.setting}" + (f".{field.entry}" if field.entry else ""): field.name
        for field in fields
        if field.setting
    }


def patch_model(name: str, fields: Iterable[ConfigField], *, nullable: bool = True) -> type[BaseModel]:
    """The body of a change: every field may be left out; null takes one back to its default."""
    definitions: dict[str, Any] = {
        field.name: (_type(field) | None if nullable else _type(field), None) for field in fields
    }
    config = ConfigDict(extra="forbid", strict=True, regex_engine="python-re")
    model: type[BaseModel] = create_model(name, __config__=config, __doc__="What shall be different.", **definitions)
    return model


def answer_model(name: str, fields: Iterable[ConfigField]) -> type[BaseModel]:
    """The body of an answer: every field is told."""
    definitions: dict[str, Any] = {field.name: (_plain_type(field) | None, ...) for field in fields}
    model: type[BaseModel] = create_model(name, __doc__="The configuration as the service has it.", **definitions)
    return model


def hash_secret(ref: str, value: str) -> str:
    """A secret as it is told: official clients compare it with the same hash of what they have."""
    return hmac.new(ref.encode(), value.encode(), hashlib.sha256).hexdigest()


def parse_duration(text: str) -> float | None:
    """Seconds of a duration such as 1m30s, None when it is none."""
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PARTS.findall(text))


def _value(field: ConfigField, variables: Mapping[str, str], settings: ProjectSettings) -> Any:
    if field.entry:
        return None if field.variable in variables else getattr(settings, field.setting).get(field.entry)
    if field.variable and field.variable in variables:
        return _read(field, variables[field.variable])
    if field.setting:
        return getattr(settings, field.told_by or field.setting)
    return field.default


def _read(field: ConfigField, text: str) -> Any:
    """The value behind the text of a variable; the default where the text is none of the kind."""
    if field.kind is Kind.BOOL:
        return text.strip().lower() in ("true", "1", "t")
    if field.kind is Kind.CODES:
        return text.replace(":", "=")
    if field.kind is Kind.INT:
        return int(text) if _WHOLE_NUMBER.fullmatch(text) else field.default
    if field.kind in (Kind.SECONDS, Kind.HOURS):
        seconds = parse_duration(text)
        if seconds is None:
            return field.default
        return round(seconds) if field.kind is Kind.SECONDS else seconds / _HOUR
    return text


def _written(field: ConfigField, value: Any) -> str | None:
    """The value as the service's environment has it; None where the variable is left out."""
    if value is None:
        return None
    if field.kind is Kind.BOOL:
        return "true" if value else "false"
    if field.kind is Kind.SECONDS:
        return f"{value}s"
    if field.kind is Kind.HOURS:
        # The service refuses a duration of zero; unset means forever.
        return f"{max(1, round(value * _HOUR))}s" if value else None
    if field.kind is Kind.CODES:
        return str(value).rstrip(",").replace("=", ":") or None
    return str(value) or None


def _hidden(field: ConfigField, value: Any, ref: str) -> Any:
    return hash_secret(ref, value) if field.kind is Kind.SECRET and value else value


def _check_text(name: str, value: str) -> None:
    try:
        one_line(value)
    except ValueError as error:
        raise InvalidField(name, str(error)) from None


def _plain_type(field: ConfigField) -> Any:
    if field.choices:
        return Literal[field.choices]
    plain: dict[Kind, Any] = {Kind.BOOL: bool, Kind.INT: int, Kind.SECONDS: int, Kind.HOURS: float}
    return plain.get(field.kind, str)


def _type(field: ConfigField) -> Any:
    kind = _plain_type(field)
    if kind in (int, float):
        return Annotated[kind, Field(ge=field.low, le=field.high)]
    if kind is str:
        longest = LONGEST_TEMPLATE if field.entry else LONGEST_TEXT
        return Annotated[str, Field(max_length=longest, pattern=field.pattern)]
    return kind
