"""A judge of its own for the Lua in the gateway's file: evaluates the expressions of request-transformer templates.

Only what such expressions need is known (and, or, not, comparison, concatenation, fields, a few string methods).
Anything else raises, so that an expression nobody understood can never pass as right.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?\d+)|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"""|(?P<word>[A-Za-z_]\w*)|(?P<sign>~=|==|\.\.|[().:,\[\]#]))"""
)
_METHODS = ("sub", "lower", "upper", "find", "match")


class UnknownLuaError(ValueError):
    """The expression uses something that this evaluator does not know."""


def render_template(template: str, scope: Mapping[str, Any]) -> str:
    """The text of a template value with its `$(...)` parts evaluated; nil becomes the empty text."""
    out, position = [], 0
    while (start := template.find("$(", position)) >= 0:
        out.append(template[position:start])
        end = _closing(template, start + 1)
        value = evaluate(template[start + 2 : end], scope)
        out.append("" if value is None else str(value))
        position = end + 1
    return "".join([*out, template[position:]])


def _closing(text: str, opening: int) -> int:
    depth, quote = 0, ""
    for index in range(opening, len(text)):
        character = text[index]
        if quote:
            quote = "" if character == quote and text[index - 1] != "\\" else quote
        elif character in "'\"":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
            if depth == 0:
                return index
    raise UnknownLuaError(f"no closing parenthesis in {text!r}")


def evaluate(expression: str, scope: Mapping[str, Any]) -> Any:
    """The value of one Lua expression; nil is None."""
    parser = _Parser(_tokens(expression), scope)
    value = parser.parse_or()
    if parser.peek() != ("", ""):
        raise UnknownLuaError(f"unexpected {parser.peek()[1]!r} in {expression!r}")
    return value()


def _tokens(expression: str) -> list[tuple[str, str]]:
    tokens, position, text = [], 0, expression.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise UnknownLuaError(f"cannot read {text[position:]!r}")
        tokens.append((str(match.lastgroup), match.group(str(match.lastgroup))))
        position = match.end()
    return tokens


def _truth(value: Any) -> bool:
    return value is not None and value is not False


Thunk = Callable[[], Any]


class _Parser:
    """Builds thunks, so that `and` and `or` leave out what Lua would leave out."""

    def __init__(self, tokens: list[tuple[str, str]], scope: Mapping[str, Any]) -> None:
        self._tokens, self._scope = tokens, scope

    def peek(self) -> tuple[str, str]:
        return self._tokens[0] if self._tokens else ("", "")

    def take(self, text: str) -> bool:
        if self._tokens and self._tokens[0][0] != "string" and self._tokens[0][1] == text:
            self._tokens.pop(0)
            return True
        return False

    def need(self, text: str) -> None:
        if not self.take(text):
            raise UnknownLuaError(f"expected {text!r}, found {self.peek()[1]!r}")

    def parse_or(self) -> Thunk:
        left = self.parse_and()
        while self.take("or"):
            left = self._either(left, self.parse_and())
        return left

    def parse_and(self) -> Thunk:
        left = self.parse_comparison()
        while self.take("and"):
            left = self._both(left, self.parse_comparison())
        return left

    @staticmethod
    def _either(left: Thunk, right: Thunk) -> Thunk:
        def value() -> Any:
            first = left()
            return first if _truth(first) else right()

        return value

    @staticmethod
    def _both(left: Thunk, right: Thunk) -> Thunk:
        def value() -> Any:
            first = left()
            return right() if _truth(first) else first

        return value

    def parse_comparison(self) -> Thunk:
        left = self.parse_concatenation()
        for sign, equal in (("==", True), ("~=", False)):
            if self.take(sign):
                right = self.parse_concatenation()
                return lambda: (left() == right()) is equal
        return left

    def parse_concatenation(self) -> Thunk:
        parts = [self.parse_unary()]
        while self.take(".."):
            parts.append(self.parse_unary())
        return parts[0] if len(parts) == 1 else lambda: "".join(_text(part()) for part in parts)

    def parse_unary(self) -> Thunk:
        if self.take("not"):
            operand = self.parse_unary()
            return lambda: not _truth(operand())
        if self.take("#"):
            operand = self.parse_unary()
            return lambda: len(_text(operand()))
        return self.parse_postfix()

    def parse_postfix(self) -> Thunk:
        value = self.parse_primary()
        while True:
            if self.take("."):
                kind, name = self._tokens.pop(0) if self._tokens else ("", "")
                if kind != "word":
                    raise UnknownLuaError(f"{name!r} is no field name")
                value = self._index(value, lambda name=name: name)
            elif self.take("["):
                key = self.parse_or()
                self.need("]")
                value = self._index(value, key)
            elif self.take(":"):
                method = self._tokens.pop(0)[1] if self._tokens else ""
                value = self._call(method, [value, *self._arguments()])
            else:
                return value

    def _arguments(self) -> list[Thunk]:
        self.need("(")
        arguments: list[Thunk] = []
        while not self.take(")"):
            arguments.append(self.parse_or())
            if self.peek()[1] != ")":
                self.need(",")
        return arguments

    @staticmethod
    def _index(value: Thunk, key: Thunk) -> Thunk:
        def item() -> Any:
            table = value()
            if not isinstance(table, Mapping):
                raise UnknownLuaError(f"attempt to index {table!r}")
            return table.get(key())

        return item

    @staticmethod
    def _call(method: str, arguments: list[Thunk]) -> Thunk:
        if method not in _METHODS:
            raise UnknownLuaError(f"unknown method {method!r}")
        return lambda: _string_method(method, *(argument() for argument in arguments))

    def parse_primary(self) -> Thunk:
        if self.take("("):
            inner = self.parse_or()
            self.need(")")
            return inner
        if not self._tokens:
            raise UnknownLuaError("the expression ends too early")
        kind, text = self._tokens.pop(0)
        if kind == "number":
            return lambda: int(text)
        if kind == "string":
            return lambda: re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind != "word":
            raise UnknownLuaError(f"unexpected {text!r}")
        constants: dict[str, Any] = {"nil": None, "true": True, "false": False}
        if text in constants:
            return lambda: constants[text]
        if text == "string" and self.take("."):
            method = self._tokens.pop(0)[1]
            return self._call(method, self._arguments())
        if text not in self._scope:
            raise UnknownLuaError(f"unknown name {text!r}")
        return lambda: self._scope[text]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise UnknownLuaError(f"{value!r} is not text")


def _string_method(method: str, subject: Any, *arguments: Any) -> Any:
    text = _text(subject)
    if method in ("lower", "upper"):
        return getattr(text, method)()
    if method == "sub":
        return _sub(text, *arguments)
    pattern = _text(arguments[0])
    plain = len(arguments) > 2 and arguments[2] is True
    anchored = pattern.startswith("^") and not plain
    literal = pattern[1:] if anchored else pattern
    if not plain and re.search(r"[%.\[\]*+?$()^-]", literal):
        raise UnknownLuaError(f"the pattern {pattern!r} is more than plain text")
    found = text.startswith(literal) if anchored else literal in text
    if not found:
        return None
    return literal if method == "match" else text.index(literal) + 1


def _sub(text: str, first: int, last: int = -1) -> str:
    size = len(text)
    start = first if first > 0 else max(size + first + 1, 1) if first else 1
    stop = last if last >= 0 else size + last + 1
    return text[start - 1 : min(stop, size)]
