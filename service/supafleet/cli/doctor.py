"""`supafleet doctor`: what is not as it should be, and the removal of what nobody knows."""

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from supafleet.cli.client import FleetClient, as_document
from supafleet.cli.exits import CommandError, UsageError, documented_by
from supafleet.cli.output import JsonOption, print_json, print_note, print_rows
from supafleet.cli.session import open_client
from supafleet.cli.shapes import Difference, HostReport
from supafleet.cli.watch import require_success, show_for, watch_run


def doctor(
    remove_orphans: Annotated[
        bool,
        typer.Option(
            "--remove-orphans", help="Remove what this installation made and no project has, with all its data."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before removing.")] = False,
    is_json: JsonOption = False,
) -> None:
    """Compare the Docker hosts with the database.

    Looks at every Docker host and names what is not as the database has it; fails when there is something.
    """
    with open_client() as client:
        reports = client.examine()
        removed: list[dict[str, str]] = []
        document = {"hosts": [as_document(report) for report in reports], "removed": removed}
        if not is_json:
            _print_reports(reports)
        with documented_by(document):
            orphans = [(host, one.ref) for host, one in _differences(reports) if one.kind == "orphan"]
            if remove_orphans and orphans:
                _confirm(orphans, yes)
                for host, ref in orphans:
                    _remove(client, host, ref, is_json=is_json)
                    removed.append({"host": host, "ref": ref})
            _require_all_well(reports, is_rid_of_orphans=remove_orphans)
    if is_json:
        print_json(document)


def _differences(reports: list[HostReport]) -> Iterator[tuple[str, Difference]]:
    return ((report.host, one) for report in reports for one in report.differences)


def _print_reports(reports: list[HostReport]) -> None:
    unseen = [report for report in reports if report.error]
    for report in unseen:
        print_note(f"the Docker host {report.host} could not be seen: {report.error}")
    rows = [(host, one.kind, one.ref, one.sentence) for host, one in _differences(reports)]
    if rows:
        print_rows(("HOST", "KIND", "REF", "WHAT"), rows)
    elif not unseen:
        print(f"all is as it should be on {len(reports)} Docker host{'s' if len(reports) != 1 else ''}")


def _confirm(orphans: list[tuple[str, str]], is_sure: bool) -> None:
    if is_sure:
        return
    print_note("These are removed with their databases, files and all other data, which cannot be undone:")
    for host, ref in orphans:
        print_note(f"  {ref} on {host}")
    if not sys.stdin.isatty():
        raise UsageError("removing orphans needs a yes on a terminal, or --yes")
    if not typer.confirm(f"Remove {len(orphans)} orphan{'s' if len(orphans) != 1 else ''} with all data?", err=True):
        raise UsageError("nothing was removed")


def _remove(client: FleetClient, host: str, ref: str, *, is_json: bool) -> None:
    run = watch_run(client, client.remove_orphan(host, ref).id, show_for(is_json=is_json))
    require_success(run)
    print_note(f"removed {ref} from {host}")


def _require_all_well(reports: list[HostReport], *, is_rid_of_orphans: bool) -> None:
    borne = {"foreign", "orphan"} if is_rid_of_orphans else {"foreign"}
    if any(report.error for report in reports) or any(one.kind not in borne for _, one in _differences(reports)):
        raise CommandError("not all is as it should be")
