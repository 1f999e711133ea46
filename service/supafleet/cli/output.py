"""Where a command writes: people get text, programs get one JSON document."""

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from supafleet.cli.shapes import FleetProject, Run

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]

PHASE_COLOURS = {
    "healthy": "green",
    "starting": "yellow",
    "created": "cyan",
    "missing": "bright_black",
    "unhealthy": "red",
    "exited": "red",
    "restarting": "magenta",
    "unexpected": "magenta",
}


def text_console() -> Console:
    """A console on standard output; made when needed, since tests and pipes replace the stream."""
    return Console(highlight=False, markup=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """Print the one JSON document of a command."""
    print(json.dumps(document, indent=2, ensure_ascii=False))


def print_json_line(document: Any) -> None:
    """Print one document of many as a line, at once."""
    print(json.dumps(document, ensure_ascii=False), flush=True)


def print_note(sentence: str) -> None:
    """Tell the person something without touching what a program reads."""
    print(sentence, file=sys.stderr, flush=True)


def print_rows(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Print a table; a file or pipe gets it as wide as it needs."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = text_console()
    if not console.is_terminal:
        console.width = 1000
    for line in console.render_lines(table, pad=False):
        console.print("".join(segment.text for segment in line).rstrip())


def print_asked_for(run: Run) -> None:
    """Say how to watch a run that nobody waits for."""
    print_note(f"the run has been asked for. Watch it with: supafleet run events {run.id} -f")


def print_fields(fields: Mapping[str, str | None]) -> None:
    """Print names and values, one a line; what has no value is left out."""
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        if value:
            print(f"{name.ljust(width)}  {value}")


def moment_text(moment: datetime | None) -> str | None:
    """A moment to the second."""
    return None if moment is None else moment.isoformat(timespec="seconds")


def print_run(run: Run) -> None:
    """Print the record of one run."""
    print_fields(
        {
            "run": run.id,
            "kind": run.kind,
            "project": run.project_ref,
            "status": run.status,
            "asked for by": f"{run.actor} ({run.driver})" if run.actor else None,
            "because": run.reason,
            "attempt": str(run.attempt) if run.attempt else None,
            "started": run.started_at.isoformat() if run.started_at else None,
            "ended": run.ended_at.isoformat() if run.ended_at else None,
            "phases": phase_times(run),
            "explanation": run.explanation,
        }
    )


def phase_times(run: Run) -> str:
    """The phases of a run and their seconds as one line, the whole at the end."""
    parts = [f"{phase.name} {phase.seconds:.1f}s" for phase in run.phases if phase.seconds is not None]
    if run.seconds is not None:
        parts.append(f"whole run {run.seconds:.1f}s")
    return " · ".join(parts)


def print_project(project: FleetProject) -> None:
    """Print a project and its services."""
    status = project.status
    if project.stale_since:
        status += f" (out of date since {project.stale_since.isoformat()})"
    print_fields(
        {
            "ref": project.ref,
            "name": project.name,
            "status": status,
            "reason": project.status_reason,
            "url": project.public_url,
            "host": project.host,
            "release": project.release,
            "flavour": project.flavour,
            "size": project.size,
            "seen": project.observed_at.isoformat() if project.observed_at else None,
            "run": f"{project.run.kind} {project.run.status} ({project.run.id})" if project.run else None,
        }
    )
    if project.services:
        print()
        rows = [(seen.name, seen.phase, str(seen.restart_count or 0), seen.image or "") for seen in project.services]
        print_rows(("SERVICE", "PHASE", "RESTARTS", "IMAGE"), rows)
