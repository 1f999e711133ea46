"""`supafleet doctor`: what is not as it should be, and the removal of what nobody knows."""

import sys
from typing import Annotated

import typer

from supafleet.cli.client import as_document
from supafleet.cli.exits import CommandError, UsageError
from supafleet.cli.output import JsonOption, print_json, print_note, print_rows
from supafleet.cli.session import open_client
from supafleet.cli.watch import require_success, show_for, watch_run


def doctor(
    remove_orphans: Annotated[
        bool, typer.Option("--remove-orphans", help="Remove what this installation made and no project has.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before removing.")] = False,
    is_json: JsonOption = False,
) -> None:
    """Look at every Docker host and name what is not as the database has it; fails when there is something."""
    with open_client() as client:
        reports = client.examine()
        found = [(report, one) for report in reports for one in report.differences]
        unseen = [report for report in reports if report.error]
        if is_json:
            print_json([as_document(report) for report in reports])
        else:
            for report in unseen:
                print_note(f"the Docker host {report.host} could not be seen: {report.error}")
            if found:
                rows = [(report.host, one.kind, one.ref, one.sentence) for report, one in found]
                print_rows(("HOST", "KIND", "REF", "WHAT"), rows)
            elif not unseen:
                print(f"all is as it should be on {len(reports)} Docker host{'s' if len(reports) != 1 else ''}")
        orphans = [(report.host, one.ref) for report, one in found if one.kind == "orphan"]
        if remove_orphans and orphans:
            _confirm(len(orphans), yes)
            for host, ref in orphans:
                run = watch_run(client, client.remove_orphan(host, ref).id, show_for(is_json=is_json))
                require_success(run)
                print_note(f"removed {ref} from {host}")
            found = [(report, one) for report, one in found if one.kind != "orphan"]
    if unseen or any(one.kind != "foreign" for _, one in found):
        raise CommandError("not all is as it should be")


def _confirm(count: int, is_sure: bool) -> None:
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise UsageError("removing orphans needs a yes on a terminal, or --yes")
    if not typer.confirm(f"Remove {count} orphans with all their data?", err=True):
        raise UsageError("nothing was removed")
