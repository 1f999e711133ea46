"""User strings reach Ansible as data."""

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from supafleet.runner.extra_vars import dump_unsafe


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_constructor("!unsafe", lambda loader, node: f"unsafe:{loader.construct_scalar(node)}")


def _load(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader that knows one more tag


def test_every_string_is_marked_and_nothing_else() -> None:
    loaded = _load(dump_unsafe({"name": "{{ 7*6 }}", "list": ["a", 1, True, None], "deep": {"x": "y"}, "n": 5}))

    assert loaded == {
        "name": "unsafe:{{ 7*6 }}",
        "list": ["unsafe:a", 1, True, None],
        "deep": {"x": "unsafe:y"},
        "n": 5,
    }


@given(st.text())
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert _load(dump_unsafe({"value": text})) == {"value": f"unsafe:{text}"}
