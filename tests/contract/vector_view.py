"""The log pipeline as fields: wiring from the YAML, facts on each program read from its text."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

_PATH = r"\.[A-Za-z_][\w.\[\]]*"
_ASSIGNED = re.compile(rf"(?<![\w.)\]])({_PATH})(?:\s*,\s*\w+)?\s*=(?![=~])")
_CONSTANT = re.compile(rf"""(?<![\w.)\]])({_PATH})\s*=\s*(?:"([^"]*)"|(\d+))\s*$""", re.MULTILINE)
_DELETED = re.compile(rf"\bdel\(\s*({_PATH})\s*\)")
_MERGED = re.compile(rf"(?:\bmerge!?\(\s*({_PATH})|(?<![\w.)\]])({_PATH})\s*\|=)")
_PARSED = re.compile(r"\b(parse_json|parse_nginx_log|parse_regex)\b")
_NGINX_FORMAT = re.compile(r"""\bparse_nginx_log!?\((?:[^()]|\([^()]*\))*?"(\w+)"\s*\)""")
_REGEX = re.compile(r"""\bparse_regex!?\((?:[^()']|\([^()]*\))*?r'([^']*)'""")
_APPNAME = re.compile(r"""\.appname\s*==\s*["']([^"']+)["']""")
_EXCLUDED = re.compile(r"""!\s*contains\(\s*string!\(\.event_message\)\s*,\s*"([^"]+)"\s*\)""")


def vector_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """Every field of the pipeline. The one source is called `source`, a sink by its source_name."""
    fields: dict[str, Any] = {f"api.{name}": value for name, value in config.get("api", {}).items()}
    for name in config.keys() - {"api", "sources", "transforms", "sinks"}:
        fields[f"file.{name}"] = config[name]
    sources = config["sources"]
    for index, source in enumerate(sources.values()):
        for option, value in source.items():
            fields[f"source{index or ''}.{option}"] = value
    for name, transform in config["transforms"].items():
        inputs = ["source" if item in sources else item for item in transform["inputs"]]
        fields[f"{name}.inputs"] = sorted(inputs)
        for aspect, value in _transform(transform).items():
            fields[f"{name}.{aspect}"] = value
    for name, sink in config["sinks"].items():
        source_name = parse_qs(urlsplit(sink.get("uri", "")).query).get("source_name", [name])[0]
        for aspect, value in _sink(sink).items():
            fields[f"{source_name}.{aspect}"] = value
    return fields


def _transform(transform: Mapping[str, Any]) -> dict[str, Any]:
    aspects: dict[str, Any] = {"type": transform["type"]}
    if transform["type"] == "route":
        for branch, condition in transform["route"].items():
            aspects[branch] = sorted(set(_APPNAME.findall(_text(condition)))) or _text(condition)
    elif transform["type"] == "filter":
        condition = _text(transform["condition"])
        aspects["excludes"] = _EXCLUDED.findall(condition) or condition
    elif transform["type"] == "remap":
        aspects.update(program_facts(transform["source"]))
    for extra in transform.keys() - {"type", "inputs", "route", "condition", "source"}:
        aspects[extra] = transform[extra]
    return aspects


def _text(condition: Any) -> str:
    return condition["source"] if isinstance(condition, Mapping) else str(condition)


def program_facts(program: str) -> dict[str, Any]:
    """What a remap program assigns, deletes, merges and parses; only facts that are there."""
    text = re.sub(r"(?m)(^|\s)#.*$", "", program)
    merges = sorted({first or second for first, second in _MERGED.findall(text)})
    outputs = sorted(set(_ASSIGNED.findall(text)) - set(merges))
    parses = sorted(set(_PARSED.findall(text)))
    if "parse_nginx_log" in parses:
        parses = [f"parse_nginx_log {name}" for name in sorted(set(_NGINX_FORMAT.findall(text)))]
    constants = {path: word or number for path, word, number in _CONSTANT.findall(text)}
    facts = {
        "outputs": outputs,
        "deletes": sorted(set(_DELETED.findall(text))),
        "merges": merges,
        "parses": parses,
        "regex": ", ".join(_REGEX.findall(text)),
        "constants": constants,
        "aborts": bool(re.search(r"\babort\b", text)),
    }
    return {name: value for name, value in facts.items() if value}


def _sink(sink: Mapping[str, Any]) -> dict[str, Any]:
    request = sink.get("request", {})
    aspects = {
        "type": sink["type"],
        "inputs": sorted(sink["inputs"]),
        "method": sink.get("method"),
        "codec": sink.get("encoding", {}).get("codec"),
        "uri": sink.get("uri"),
        "headers": {
            name.lower(): re.sub(r"\$\{(\w+)[^}]*\}", r"${\1}", value)
            for name, value in {**sink.get("headers", {}), **request.get("headers", {})}.items()
        },
    }
    aspects.update({name: value for name, value in request.items() if name != "headers"})
    known = {"type", "inputs", "method", "encoding", "uri", "headers", "request"}
    aspects.update({name: value for name, value in sink.items() if name not in known})
    return aspects
