"""Pieces of Markdown that the generated pages share."""

from collections.abc import Iterable, Sequence


def cell(text: str) -> str:
    """Text that can stand in a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """Text in the face of code, for a cell of a table."""
    return f"`{cell(text)}`"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a line break at its end; the cells are Markdown already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
