"""What an init SQL file does, as far as its text tells; the effects on a server are tested in tests/engine."""

import re
from typing import Any

_FLAGS = re.IGNORECASE | re.MULTILINE
_NAME = r'"?([\w.]+)"?'
_SET = re.compile(r"""^\s*\\set\s+(\w+)\s+`\s*(?:echo|printf\s+\S+)\s+"?\$\{?(\w+)\}?"?\s*`\s*$""", _FLAGS)
_CONNECT = r"^\s*\\(?:c|connect)\s+" + _NAME + r"\s*$"
_OWNER = r"""(?:AUTHORIZATION|OWNER(?:\s+TO)?|WITH\s+OWNER)\s*=?\s*(:?)"?(\w+)"?"""
_QUOTED_BODY = re.compile(r"\$(\w*)\$.*?\$\1\$", re.DOTALL)
_LITERAL = re.compile(r"'([^';]*)'")

# Statements whose whole meaning `sql_effects` tells, once they are one lower-case line without quotes around names.
_IDENTIFIER = r":?[\w.]+"
_TOLD = re.compile(
    "|".join(
        (
            "begin",
            "commit",
            rf"create schema (if not exists )?{_IDENTIFIER}( authorization {_IDENTIFIER})?",
            rf"create database {_IDENTIFIER}( with)?( owner =? ?{_IDENTIFIER})?",
            rf"create extension (if not exists )?{_IDENTIFIER} (with )?schema {_IDENTIFIER}",
            rf"create table (if not exists )?{_IDENTIFIER} \(.*\)",
            rf"alter schema {_IDENTIFIER} owner to {_IDENTIFIER}",
            rf"alter role {_IDENTIFIER} (with )?password :'\w+'",
            rf"alter database {_IDENTIFIER} set {_IDENTIFIER} (to|=) :'\w+'",
        )
    )
)
# Of these only what they are about is told: their bodies and words are tested on a server.
_NAMED = re.compile(
    r"(create )(?:or replace )?(function [\w.]+).*"
    r"|(create index \w+ on [\w.]+).*"
    r"|(comment on \w+ [\w.]+) is .*"
    r"|(insert into [\w.]+).*"
)


def sql_effects(text: str) -> dict[str, Any]:
    """Effects by kind; kinds without any are left out."""
    text = _without_comments(text)
    variables = dict(_SET.findall(text))
    passwords = re.findall(r"""ALTER\s+(?:USER|ROLE)\s+"?(\w+)"?\s+(?:WITH\s+)?PASSWORD\s+:'(\w+)'""", text, _FLAGS)
    settings = re.findall(r"""ALTER\s+DATABASE\s+\S+\s+SET\s+"?([\w.]+)"?\s*(?:TO|=)\s*:'(\w+)'""", text, _FLAGS)
    owners = re.findall(_OWNER, text, _FLAGS)
    in_schema = _NAME + r"\s+(?:WITH\s+)?SCHEMA\s+" + _NAME
    extensions = re.findall(r"CREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?" + in_schema, text, _FLAGS)
    effects: dict[str, Any] = {
        "connects": re.findall(_CONNECT, text, _FLAGS)[:1],
        "schemas": _names(r"CREATE\s+SCHEMA\s+(?:IF\s+NOT\s+EXISTS\s+)?" + _NAME, text),
        "databases": _names(r"CREATE\s+DATABASE\s+" + _NAME, text),
        "owners": sorted({variables.get(name, f":{name}") if mark else name for mark, name in owners}),
        "passwords": {role: variables.get(name, f":{name}") for role, name in passwords},
        "settings": {setting: variables.get(name, f":{name}") for setting, name in settings},
        "extensions": dict(extensions),
        "tables": _names(r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?" + _NAME, text),
        "roles_created": _names(r"CREATE\s+(?:USER|ROLE)\s+" + _NAME, text),
        "roles_dropped": _names(r"DROP\s+(?:USER|ROLE)\s+(?:IF\s+EXISTS\s+)?" + _NAME, text),
        "event_triggers": _names(r"CREATE\s+EVENT\s+TRIGGER\s+" + _NAME, text),
    }
    return {kind: value for kind, value in effects.items() if value}


def other_statements(text: str) -> list[str]:
    """Every statement and command of psql that the effects do not tell, each as one line in the same words."""
    text = _QUOTED_BODY.sub(_body_mark, _without_comments(text))
    commands = [line.strip() for line in text.splitlines() if line.lstrip().startswith("\\")]
    told = [line for line in commands if not _SET.fullmatch(line) and not re.fullmatch(_CONNECT, line, _FLAGS)]
    statements = re.sub(r"^\s*\\.*$", "", text, flags=re.MULTILINE).split(";")
    lines = map(_in_one_line, statements)
    told += [_NAMED.sub(r"\1\2\3\4\5", line) for line in lines if line and not _TOLD.fullmatch(line)]
    return sorted(told)


def _without_comments(text: str) -> str:
    return re.sub(r"--.*$", "", text, flags=re.MULTILINE)


def _body_mark(body: re.Match[str]) -> str:
    """What a quoted body is about: the first word in quotes, which in a DO block names what it looks for."""
    literal = _LITERAL.search(body[0])
    return f" about {literal[1]} " if literal else ""


def _in_one_line(statement: str) -> str:
    words = " ".join(statement.split()).lower().replace('"', "").replace("()", "")
    return re.sub(r"^(alter|create|drop) user\b", r"\1 role", words)


def _names(pattern: str, text: str) -> list[str]:
    return sorted(set(re.findall(pattern, text, _FLAGS)))
