"""Extra variables as YAML whose every string is `!unsafe`: else Ansible would run `{{ ... }}` in a project's name."""

from typing import Any

import yaml


class _Unsafe(str):
    """A string that Ansible must never treat as a template."""


class _UnsafeDumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's own signature
        # An anchor would be a reference to a tagged node; plain repetition is easier to read and to trust.
        return True


def _represent(dumper: yaml.SafeDumper, value: _Unsafe) -> yaml.ScalarNode:
    return dumper.represent_scalar("!unsafe", str(value), style='"')


_UnsafeDumper.add_representer(_Unsafe, _represent)


def dump_unsafe(variables: dict[str, Any]) -> str:
    """YAML in which all string values are marked; keys are ours and stay plain."""
    return yaml.dump(_marked(variables), Dumper=_UnsafeDumper, allow_unicode=True, width=4096, sort_keys=False)


def _marked(value: Any) -> Any:
    if isinstance(value, str):
        return _Unsafe(value)
    if isinstance(value, dict):
        return {str(key): _marked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(item) for item in value]
    return value
