"""`multipart/form-data`, as the three uploaders of edge functions write it and as the CLI reads a download."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from supafleet.errors import InvalidField

_LINE = b"\r\n"
_PARAMETER = re.compile(r';\s*([A-Za-z*]+)=(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')
_ESCAPED = re.compile(r'\\(["\\])')
_UNSAFE = {"\r": "%0D", "\n": "%0A", '"': "%22"}
_MOST_PARTS = 2000
_MOST_HEAD_BYTES = 8 * 1024


@dataclass(frozen=True)
class Part:
    """One part of a form: with a file name or as a plain field; `headers` have lower-case names."""

    name: str
    content: bytes
    filename: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def boundary_of(content_type: str) -> bytes:
    """The boundary that a Content-Type header names.

    Raises:
        InvalidField: it is another type, or names none.
    """
    kind, _, _rest = content_type.partition(";")
    boundary = _parameters(content_type).get("boundary", "")
    if kind.strip().lower() != "multipart/form-data" or not 1 <= len(boundary) <= 200:
        raise InvalidField("body", "must be multipart/form-data with a boundary")
    return boundary.encode("latin-1", "replace")


def parse(body: bytes, boundary: bytes) -> list[Part]:
    """The parts of a body in their order.

    Raises:
        InvalidField: the body is not what its boundary says, or has too many parts.
    """
    delimiter = _LINE + b"--" + boundary
    # Before the first delimiter stands nothing that counts, and after the last one "--": two pieces are no parts. One
    # more is looked for than may be there, and no further.
    pieces = (_LINE + body).split(delimiter, _MOST_PARTS + 2)
    if len(pieces) - 2 > _MOST_PARTS:
        raise InvalidField("body", f"may have at most {_MOST_PARTS} parts")
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise InvalidField("body", "must be a whole multipart/form-data body: its last boundary is missing")
    return [_part(piece) for piece in pieces[1:-1]]


def encode(parts: Iterable[Part], boundary: str) -> bytes:
    """A body; the boundary must not occur in any part."""
    out = bytearray()
    for part in parts:
        disposition = f'form-data; name="{_quoted(part.name)}"'
        if part.filename is not None:
            disposition += f'; filename="{_quoted(part.filename)}"'
        out += f"--{boundary}\r\nContent-Disposition: {disposition}\r\n".encode()
        for name, value in part.headers:
            out += f"{name}: {value}\r\n".encode()
        out += _LINE + part.content + _LINE
    return bytes(out) + f"--{boundary}--\r\n".encode()


def _part(piece: bytes) -> Part:
    end = piece.find(_LINE + _LINE, 0, _MOST_HEAD_BYTES)
    if end < 0:
        raise InvalidField(
            "body",
            f"must be multipart/form-data: a part has no end of its headers in its first {_MOST_HEAD_BYTES} bytes",
        )
    content = piece[end + len(_LINE + _LINE) :]
    headers = []
    for line in piece[:end].decode("utf-8", "replace").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        headers.append((name.strip().lower(), value.strip()))
    disposition = dict(headers).get("content-disposition", "")
    parameters = _parameters(disposition)
    if not disposition.lower().startswith("form-data") or "name" not in parameters:
        raise InvalidField("body", "must be multipart/form-data: a part does not say its name")
    return Part(parameters["name"], content, parameters.get("filename"), tuple(headers))


def _parameters(header: str) -> dict[str, str]:
    found = {}
    for name, quoted, plain in _PARAMETER.findall(header):
        value = quoted or plain
        for character, escaped in _UNSAFE.items():
            value = value.replace(escaped, character)
        found[name.lower()] = _ESCAPED.sub(r"\1", value)
    return found


def _quoted(value: str) -> str:
    for character, escaped in _UNSAFE.items():
        value = value.replace(character, escaped)
    return value
