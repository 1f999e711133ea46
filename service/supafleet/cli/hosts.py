"""`supafleet host`: the Docker hosts that projects are put on."""

import typer

from supafleet.cli.client import as_document
from supafleet.cli.output import JsonOption, moment_text, print_json, print_rows
from supafleet.cli.session import open_client
from supafleet.cli.shapes import Host

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at the Docker hosts.")


@app.command("list")
def list_hosts(is_json: JsonOption = False) -> None:
    """List the Docker hosts, with the latest look at each."""
    with open_client() as client:
        hosts = client.hosts()
    if is_json:
        print_json([as_document(host) for host in hosts])
    else:
        print_rows(("NAME", "CONNECTION", "ADDRESS", "PROJECTS", "LAST LOOK", "ERROR"), map(_row, hosts))


def _row(host: Host) -> tuple[str, ...]:
    error = (host.observation_error or "").partition("\n")[0]
    look = moment_text(host.observed_at) or "never"
    return (host.name, host.connection, host.address or "", str(host.projects), look, error)
