"""Known secrets never leave a run: every occurrence in any string becomes ********."""

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "********"
#: Shorter values would mask ordinary words; nothing we generate is that short.
_SHORTEST = 6
#: A name everybody may know is not a secret, and masking it would garble image names.
_NOT_SECRET = frozenset({"dashboard_username"})
#: No text of PostgreSQL holds a NUL, and no UTF-8 a half of a surrogate pair; what a container prints may hold both.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def storable(text: str) -> str:
    """`text` as every database takes it."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def secret_values(secrets: Mapping[str, str]) -> list[str]:
    """The values of a project's secrets that must never be shown."""
    return [value for name, value in secrets.items() if name not in _NOT_SECRET]


class Redactor:
    """Masks the given values: raw, URL-encoded, and base64 wherever they stand inside a longer encoded text."""

    def __init__(self, values: Iterable[str]) -> None:
        variants: set[str] = set()
        for value in values:
            if len(value) >= _SHORTEST:
                variants.update(_variants(value))
        # Longest first, so that a variant inside another one does not leave the rest of it behind.
        self._variants = sorted(variants, key=lambda variant: (-len(variant), variant))

    def text(self, text: str) -> str:
        """`text` without any known secret, and without what no database takes."""
        for variant in self._variants:
            if variant in text:
                text = text.replace(variant, MASK)
        return storable(text)

    def value(self, value: Any) -> Any:
        """The same structure with every string, keys too, masked."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value


def _variants(value: str) -> set[str]:
    variants = {value, quote(value), quote(value, safe=""), quote_plus(value), quote(value, safe="").lower()}
    variants.update(part for part in value.splitlines() if len(part) >= _SHORTEST)
    raw = value.encode()
    for offset in range(3):
        # Inside a longer text the encoding depends on the position modulo 3; the outer characters depend on neighbours.
        encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        first = (0, 2, 3)[offset]
        last = len(encoded) if (offset + len(raw)) % 3 == 0 else len(encoded) - 1
        core = encoded[first:last]
        if len(core) >= _SHORTEST:
            variants.update({core, core.replace("+", "-").replace("/", "_")})
    # A base64 text that was then URL-encoded.
    variants.update({quote(variant, safe="") for variant in list(variants)})
    return variants
