"""The entry point: all commands, and the one place that turns an error into a sentence and an exit code."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from supafleet import __version__
from supafleet.cli import hosts, projects, runs, tokens
from supafleet.cli.doctor import doctor
from supafleet.cli.down import down
from supafleet.cli.exits import EXIT_MEANINGS, CommandError, ExitCode
from supafleet.cli.output import print_json
from supafleet.cli.serve import serve
from supafleet.cli.up import up
from supafleet.cli.worker import worker

_EXIT_CODES = "Exit codes: " + "; ".join(f"{int(code)} {meaning}" for code, meaning in EXIT_MEANINGS.items()) + "."

app = typer.Typer(
    name="supafleet",
    help="Create and run complete self-hosted Supabase projects on your own Docker hosts.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(up)
app.command()(down)
app.command()(serve)
app.command()(doctor)
app.command()(worker)
app.add_typer(projects.app, name="project")
app.add_typer(runs.app, name="run")
app.add_typer(hosts.app, name="host")
app.add_typer(tokens.app, name="token")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    # `--version` is done by its callback, which comes before the search for a command.
    del version


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line and answer its exit code."""
    try:
        app(args=list(arguments), prog_name="supafleet")
    except CommandError as error:
        _print_error(error, is_json="--json" in arguments)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else ExitCode.OK if end.code is None else ExitCode.FAILED
    return ExitCode.OK


def run() -> None:
    """The `supafleet` command."""
    sys.exit(invoke(sys.argv[1:]))


def _print_error(error: CommandError, *, is_json: bool) -> None:
    if is_json and error.document is not None:
        told = {"message": error.message, "exit_code": int(error.exit_code), "lines": list(error.lines)}
        print_json(error.document | {"error": told})
    print(f"error: {error.message}", *error.lines, sep="\n", file=sys.stderr, flush=True)
