"""Templates in the leaves of data: YAML is parsed first, so that no value can change its structure."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from supafleet.stack.errors import RenderError


def _as_text(value: object) -> object:
    # `True` instead of `true` stops Realtime at boot and makes its start script skip the seed.
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        raise RenderError("an expression has no value")
    return value


_ENVIRONMENT = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined,
    finalize=_as_text,
    autoescape=False,
    keep_trailing_newline=True,
)


@lru_cache(maxsize=1024)
def _compiled(template: str) -> Template:
    return _ENVIRONMENT.from_string(template)


def render_text(template: str, context: Mapping[str, Any], place: str) -> str:
    """One leaf rendered once; values of the context are never templates themselves."""
    if "{" not in template:
        return template
    try:
        return _compiled(template).render(context)
    except (TemplateError, RenderError) as error:
        raise RenderError(f"{place}: {error}") from error


def evaluate(expression: str, context: Mapping[str, Any], place: str) -> Any:
    """The value of an expression with its own type."""
    try:
        return _ENVIRONMENT.compile_expression(expression, undefined_to_none=False)(**context)
    except TemplateError as error:
        raise RenderError(f"{place}: {error}") from error


def render_tree(tree: Any, context: Mapping[str, Any], place: str) -> Any:
    """Data with every string leaf rendered.

    Two mappings have a meaning of their own: `{value_of: expression}` becomes the expression's value with its own type,
    and a list item with a key `when` stays, without that key, only if the expression is true.
    """
    if isinstance(tree, str):
        return render_text(tree, context, place)
    if isinstance(tree, Mapping):
        if set(tree) == {"value_of"}:
            return evaluate(str(tree["value_of"]), context, place)
        return {key: render_tree(value, context, f"{place}.{key}") for key, value in tree.items()}
    if isinstance(tree, list):
        rendered = []
        for number, item in enumerate(tree):
            here = f"{place}[{number}]"
            kept = item
            if isinstance(item, Mapping) and "when" in item:
                if not evaluate(str(item["when"]), context, here):
                    continue
                kept = {key: value for key, value in item.items() if key != "when"}
            rendered.append(render_tree(kept, context, here))
        return rendered
    return tree
