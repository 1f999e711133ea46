"""What an init SQL file does, as far as its text tells; the effects on a server are tested in tests/engine."""

import re
from typing import Any

_FLAGS = re.IGNORECASE | re.MULTILINE
_NAME = r'"?([\w.]+)"?'
_SET = re.compile(r"""^\s*\\set\s+(\w+)\s+`\s*(?:echo|printf\s+\S+)\s+"?\$\{?(\w+)\}?"?\s*`""", _FLAGS)


def sql_effects(text: str) -> dict[str, Any]:
    """Effects by kind; kinds without any are left out."""
    text = re.sub(r"--.*$", "", text, flags=re.MULTILINE)
    variables = dict(_SET.findall(text))
    passwords = re.findall(r"""ALTER\s+(?:USER|ROLE)\s+"?(\w+)"?\s+(?:WITH\s+)?PASSWORD\s+:'(\w+)'""", text, _FLAGS)
    settings = re.findall(r"""ALTER\s+DATABASE\s+\S+\s+SET\s+"?([\w.]+)"?\s*(?:TO|=)\s*:'(\w+)'""", text, _FLAGS)
    owners = re.findall(r"""(?:AUTHORIZATION|OWNER(?:\s+TO)?|WITH\s+OWNER)\s*=?\s*:"?(\w+)"?""", text, _FLAGS)
    in_schema = _NAME + r"\s+(?:WITH\s+)?SCHEMA\s+" + _NAME
    extensions = re.findall(r"CREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?" + in_schema, text, _FLAGS)
    effects: dict[str, Any] = {
        "connects": re.findall(r"^\s*\\(?:c|connect)\s+" + _NAME, text, _FLAGS)[:1],
        "schemas": _names(r"CREATE\s+SCHEMA\s+(?:IF\s+NOT\s+EXISTS\s+)?" + _NAME, text),
        "databases": _names(r"CREATE\s+DATABASE\s+" + _NAME, text),
        "owners": sorted({variables.get(name, f":{name}") for name in owners}),
        "passwords": {role: variables.get(name, f":{name}") for role, name in passwords},
        "settings": {setting: variables.get(name, f":{name}") for setting, name in settings},
        "extensions": dict(extensions),
        "tables": _names(r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?" + _NAME, text),
        "roles_created": _names(r"CREATE\s+(?:USER|ROLE)\s+" + _NAME, text),
        "roles_dropped": _names(r"DROP\s+(?:USER|ROLE)\s+(?:IF\s+EXISTS\s+)?" + _NAME, text),
        "event_triggers": _names(r"CREATE\s+EVENT\s+TRIGGER\s+" + _NAME, text),
    }
    return {kind: value for kind, value in effects.items() if value}


def _names(pattern: str, text: str) -> list[str]:
    return sorted(set(re.findall(pattern, text, _FLAGS)))
