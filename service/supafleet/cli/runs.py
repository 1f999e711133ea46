"""`supafleet run`: the record of a run, and its events."""

from typing import Annotated

import typer

from supafleet.cli.client import as_document
from supafleet.cli.exits import DetachedError, documented_by
from supafleet.cli.output import JsonOption, moment_text, print_json, print_json_line, print_rows, print_run
from supafleet.cli.session import open_client
from supafleet.cli.shapes import Event, Run
from supafleet.cli.stream import follow_events, stored_events
from supafleet.cli.watch import require_success

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at runs, follow and cancel them.")

RunArgument = Annotated[str, typer.Argument(metavar="ID", help="The run's id.")]


@app.command("list")
def list_runs(
    project: Annotated[
        str | None, typer.Option(metavar="PROJECT", help="Only runs of the project with this name or ref.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, metavar="N", help="Most runs to list.")] = 20,
    is_json: JsonOption = False,
) -> None:
    """List recent runs, the newest first."""
    with open_client() as client:
        ref = None if project is None else client.find_ref(project)
        runs = client.runs(ref, limit)
        if ref is not None and not runs:
            # A removed project may still have runs; what has none may be a word that nobody knows.
            client.fleet_project(ref)
    if is_json:
        print_json([as_document(run) for run in runs])
    else:
        print_rows(("ID", "KIND", "PROJECT", "STATE", "ACTOR", "STARTED", "DURATION", "REASON"), map(_row, runs))


@app.command()
def show(run_id: RunArgument, is_json: JsonOption = False) -> None:
    """Show the record of a run."""
    with open_client() as client:
        run = client.run(run_id)
    if is_json:
        print_json(as_document(run))
    else:
        print_run(run)


@app.command()
def cancel(run_id: RunArgument, is_json: JsonOption = False) -> None:
    """Ask a run to end.

    It may wait or work; what it changed stays until the next run.
    """
    with open_client() as client:
        run = client.cancel_run(run_id)
    if is_json:
        print_json(as_document(run))
    else:
        print_run(run)


@app.command()
def events(
    run_id: RunArgument,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the run has ended; fail when it failed.")
    ] = False,
    from_number: Annotated[int, typer.Option("--from", min=1, metavar="N", help="Number of the first event.")] = 1,
    is_json: JsonOption = False,
) -> None:
    """Print the events of a run; with --json one document a line."""
    after = from_number - 1
    # Standard output holds a line per event: an error goes to standard error alone.
    with open_client() as client, documented_by(None):
        try:
            for event in follow_events(client, run_id, after) if follow else stored_events(client, run_id, after):
                if is_json:
                    print_json_line(as_document(event))
                else:
                    print(_line(event), flush=True)
        except KeyboardInterrupt as interrupt:
            raise DetachedError(run_id) from interrupt
        if follow:
            require_success(client.run(run_id))


def _row(run: Run) -> tuple[str, ...]:
    seconds = None if run.seconds is None else f"{run.seconds:.1f}s"
    words = (run.project_ref, run.status, run.actor, moment_text(run.started_at), seconds, run.reason)
    return (run.id, run.kind, *(word or "" for word in words))


def _line(event: Event) -> str:
    services = ", ".join(f"{name} {state.phase}" for name, state in (event.services or {}).items())
    words = [event.task or event.phase or "", event.message or "", services]
    text = " · ".join(word for word in words if word)
    return f"{event.number:5d}  {event.at:%H:%M:%S}  {event.kind:18}  {text}".rstrip()
