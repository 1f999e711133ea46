"""`supafleet project logs`: log lines of a project's containers, once or as they come."""

import json
import os
import re
import sys
import zlib
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.text import Text

from supafleet.cli.exits import CommandError, documented_by
from supafleet.cli.output import JsonOption, text_console
from supafleet.cli.session import open_project
from supafleet.cli.verbs import ProjectArgument

_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_magenta")
_NAME_WIDTH = len("functions")
# What a program writes into its log must not move the reader's cursor or rename the window.
_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?")


def logs(
    project: ProjectArgument,
    services: Annotated[
        list[str] | None, typer.Argument(metavar="SERVICE", help="Services, such as auth. Default: all.")
    ] = None,
    tail: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Newest lines to begin with. Default: 100, with --since up to 5000."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Only lines since then: 10m ago, or 2026-01-31T12:00:00Z.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with lines that come later.")] = False,
    is_json: JsonOption = False,
) -> None:
    """Print log lines of a project, its secrets masked.

    With --json it is one document a line. Ctrl-C ends the reading, on the Docker host too.
    """
    query: dict[str, Any] = {"service": services or None, "tail": tail, "since": since, "follow": follow or None}
    wanted = {name: value for name, value in query.items() if value is not None}
    # Standard output holds a line per line: an error goes to standard error alone.
    with open_project(project) as (client, ref), documented_by(None), client.open_logs(ref, wanted) as answer:
        try:
            for line in split_lines(answer.iter_bytes()):
                _print(line, is_json=is_json)
        except BrokenPipeError:
            # Whoever read our output has seen enough; at exit Python would complain once more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def split_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Whole lines out of the bytes of a stream, without the empty ones that keep it alive."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line for line in lines if line.strip())


def _print(document: bytes, *, is_json: bool) -> None:
    try:
        line = json.loads(document)
        error = line.get("error")
        service, text = ("", "") if error else (str(line["service"]), str(line["text"]))
    except (ValueError, KeyError, AttributeError) as broken:
        raise CommandError("the API sent a line that this version does not understand") from broken
    if is_json:
        print(document.decode(), flush=True)
    if error:
        raise CommandError(str(error))
    if not is_json:
        _print_text(service, text)


def _print_text(service: str, text: str) -> None:
    if not sys.stdout.isatty():
        print(f"{service} | {text}", flush=True)
        return
    colour = _COLOURS[zlib.crc32(service.encode()) % len(_COLOURS)]
    text_console().print(Text.assemble((service.ljust(_NAME_WIDTH), colour), " | ", printable(text)))


def printable(text: str) -> str:
    """The text without what a terminal would obey."""
    plain = _ESCAPE_SEQUENCE.sub("", text)
    return "".join(character for character in plain if character.isprintable() or character == "\t")
