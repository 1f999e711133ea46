"""`supafleet down`: the service of `supafleet up` stopped; with --purge nothing is left of what it made here."""

import shutil
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from supafleet.cli.client import FleetClient
from supafleet.cli.credentials import CREDENTIALS_PATH, URL_VARIABLE, read_credentials
from supafleet.cli.exits import ApiRefusalError, CommandError, ExitCode, UsageError
from supafleet.cli.local_service import LocalService
from supafleet.cli.output import JsonOption, print_json, print_note
from supafleet.cli.shapes import FleetProject
from supafleet.cli.up import (
    DEFAULT_DATA_DIR,
    DEFAULT_PORT,
    DataDirOption,
    Steps,
    client_of,
    exclusive,
    require_engine,
    start_service,
)
from supafleet.cli.watch import require_success, show_for, watch_run
from supafleet.runs.vocabulary import RunKind

# Any of these says that a folder holds a service's data, and not something else that is dear to someone.
_MARKS = ("control.sqlite", "service.pid", "owner-token", CREDENTIALS_PATH.name)


def down(
    purge: Annotated[
        bool,
        typer.Option(
            "--purge",
            help="Delete all projects with their data, then the data folder; refused while there are projects of "
            "organizations that the owner is no member of.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before a purge.")] = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    is_json: JsonOption = False,
) -> None:
    """Stop the service that `supafleet up` started.

    Without --purge the projects' containers go on serving, and `supafleet up` takes them up again.
    """
    folder = data_dir.absolute()
    if not any((folder / mark).exists() for mark in _MARKS):
        _say_done(Steps(folder, is_json=is_json), was_stopped=False, removed=[], note=f"{folder} holds no service")
        return
    if purge and not yes:
        _confirm(folder)
    with exclusive(folder):
        steps = Steps(folder, is_json=is_json)
        service = LocalService(folder)
        removed: list[str] = []
        if purge and service.may_have_projects:
            removed += _delete_projects(service, steps)
        was_stopped = service.stop()
        is_database_left = purge and service.has_database_elsewhere
        if purge:
            shutil.rmtree(folder)
            removed.append(str(folder))
        _say_done(steps, was_stopped=was_stopped, removed=removed)
        if is_database_left:
            print_note("The database that SUPAFLEET_DATABASE_URL names is left; it is yours to remove.")


def _delete_projects(service: LocalService, steps: Steps) -> list[str]:
    """Delete every project through the API, which alone knows how; starts the service when it does not run.

    Raises:
        CommandError: there are projects that the owner's account does not see.
    """
    require_engine(steps)
    record = service.running() or start_service(service, steps, _last_port(service.data_dir))
    removed: list[str] = []
    with closing(client_of(service, record)) as client:
        while True:  # until none is left: somebody may make one meanwhile
            projects = client.fleet_projects()
            _refuse_unseen_projects(client, projects, service.data_dir)
            if not projects:
                return removed
            for project in projects:
                with steps.timed(f"delete the project {project.name} ({project.ref})"):
                    _delete(client, steps, project)
                removed.append(f"project {project.name} ({project.ref})")


def _refuse_unseen_projects(client: FleetClient, seen: list[FleetProject], folder: Path) -> None:
    """Keep the master key while somebody needs it: an operator counts all projects, but sees those of members only."""
    seen_on = Counter(project.host for project in seen)
    unseen = {host.name: host.projects - seen_on[host.name] for host in client.hosts()}
    unseen = {name: count for name, count in unseen.items() if count > 0}
    if not unseen:
        return
    total = sum(unseen.values())
    words = f"{total} projects belong" if total > 1 else "1 project belongs"
    places = ", ".join(f"{name} ({count})" for name, count in unseen.items())
    raise CommandError(
        f"{words} to organizations that the owner is no member of, on the Docker hosts: {places}. {folder} "
        "stays: delete these projects as a member of their organization, or have their owners do it, then purge again. "
        f"The service runs at {client.api_url}",
        ExitCode.CONFLICT,
    )


def _delete(client: FleetClient, steps: Steps, project: FleetProject) -> None:
    show = show_for(is_json=steps.is_json)
    try:
        client.delete_project(project.ref)
    except ApiRefusalError as refusal:
        if refusal.exit_code is not ExitCode.CONFLICT:
            raise
        # Another run holds the project: let it end, then ask once more.
        steps.say(f"  waiting: {refusal.message}")
        holder = client.fleet_project(project.ref).run
        if holder is not None and not holder.is_finished:
            watch_run(client, holder.id, show)
        client.delete_project(project.ref)
    run = client.newest_run(project.ref, RunKind.PROJECT_DELETE)
    require_success(watch_run(client, run.id, show))


def _last_port(data_dir: Path) -> int:
    """The port that the service had, so that a purge of a stopped one does not take a foreign process for it."""
    path = data_dir / CREDENTIALS_PATH.name
    if not path.is_file():
        return DEFAULT_PORT
    return urlsplit(read_credentials(path).get(URL_VARIABLE, "")).port or DEFAULT_PORT


def _confirm(folder: Path) -> None:
    if not sys.stdin.isatty():
        raise UsageError("a purge needs a confirmation typed on a terminal, or --yes")
    print_note(
        f"This deletes every project of the service in {folder} with its data, then that folder with all in it, "
        "the master key too. It cannot be undone. "
        "It is refused while there are projects of organizations that the owner is no member of."
    )
    if typer.prompt("Type purge to go on", err=True) != "purge":
        raise UsageError("that is not purge: nothing was deleted")


def _say_done(steps: Steps, *, was_stopped: bool, removed: list[str], note: str | None = None) -> None:
    if steps.is_json:
        print_json({"stopped": was_stopped, "removed": removed})
        return
    if note:
        print(note)
    else:
        print("stopped the service" if was_stopped else "no service was running")
    for name in removed:
        print(f"removed {name}")
