"""`supafleet project`: create, list, look at and delete projects; the other verbs are in verbs.py."""

import sys
from typing import Annotated, Any

import typer

from supafleet.cli import verbs
from supafleet.cli.client import FleetClient, as_document
from supafleet.cli.exits import UsageError, documented_by
from supafleet.cli.logs import logs
from supafleet.cli.output import (
    JsonOption,
    phase_times,
    print_asked_for,
    print_fields,
    print_json,
    print_note,
    print_project,
    print_rows,
)
from supafleet.cli.request import choose_organization, generate_password, parse_settings, read_settings_file
from supafleet.cli.session import open_client, open_project
from supafleet.cli.shapes import Run, StudioAccess
from supafleet.cli.watch import require_success, show_for, tell_of_run, watch_run
from supafleet.flavour import Flavour
from supafleet.runs.vocabulary import RunKind

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Create, change, pause and delete projects; read keys and logs.",
)

ProjectArgument = verbs.ProjectArgument


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The project's name.")],
    org: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Organization; needed only when there are several.")
    ] = None,
    region: Annotated[str | None, typer.Option(metavar="NAME", help="Region, mapped to Docker hosts.")] = None,
    host: Annotated[str | None, typer.Option(metavar="NAME", help="Docker host, by its name.")] = None,
    gateway_port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Port of the gateway on the Docker host. Default: a free one.")
    ] = None,
    size: Annotated[str | None, typer.Option(metavar="SIZE", help="micro, small, medium or large.")] = None,
    flavour: Annotated[Flavour | None, typer.Option(help="Official images, or the stand-ins for offline work.")] = None,
    release: Annotated[str | None, typer.Option(metavar="NAME", help="Release, such as 2026.09.")] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A setting; may be given again, a dot goes a level down."),
    ] = None,
    settings_file: verbs.SettingsFileOption = None,
    db_password_stdin: Annotated[
        bool, typer.Option("--db-password-stdin", help="Read the database password from standard input.")
    ] = False,
    db_password_prompt: Annotated[
        bool, typer.Option("--db-password-prompt", help="Ask for the database password on the terminal.")
    ] = False,
    wait: verbs.WaitOption = False,
    is_json: JsonOption = False,
) -> None:
    """Create a project.

    Without --db-password-stdin or --db-password-prompt a database password is generated and printed once.
    Ctrl-C during --wait stops the watching, not the run.
    """
    given = parse_settings(setting or [], read_settings_file(settings_file) if settings_file else None)
    chosen_password = _chosen_password(is_stdin=db_password_stdin, is_prompt=db_password_prompt)
    password = chosen_password or generate_password()
    with open_client() as client:
        wishes = {
            "region": region,
            "desired_instance_size": size,
            "host": host,
            "gateway_port": gateway_port,
            "flavour": flavour,
            "release": release,
            "settings": given or None,
        }
        body = {
            "name": name,
            "organization_slug": choose_organization(client, org),
            "db_pass": password,
            **{field: value for field, value in wishes.items() if value is not None},
        }
        project = client.create_project(body)
        document: dict[str, Any] = {"project": as_document(project)}
        if chosen_password is None:
            document["database_password"] = password
        if not is_json:
            print_fields({"ref": project.ref, "database password": None if chosen_password else password})
        with documented_by(document):
            run = client.newest_run(project.ref, RunKind.PROJECT_CREATE)
            document["run"] = as_document(run)
            if wait:
                run = watch_run(client, run.id, show_for(is_json=is_json))
                document["run"] = as_document(run)
                require_success(run)
                document["url"] = client.fleet_project(project.ref).public_url
        if is_json:
            print_json(document)
        elif wait:
            print_ready(client, project.ref, run)
        else:
            print_asked_for(run)


@app.command("list")
def list_projects(is_json: JsonOption = False) -> None:
    """List all projects."""
    with open_client() as client:
        projects = client.projects()
    if is_json:
        print_json([as_document(project) for project in projects])
        return
    rows = [(project.ref, project.name, project.status, project.region) for project in projects]
    print_rows(("REF", "NAME", "STATUS", "REGION"), rows)


@app.command()
def get(project: ProjectArgument, is_json: JsonOption = False) -> None:
    """Show a project and its services."""
    with open_project(project) as (client, ref):
        found = client.fleet_project(ref)
    if is_json:
        print_json(as_document(found))
    else:
        print_project(found)


@app.command()
def keys(
    project: ProjectArgument,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show secret keys too.")] = False,
    is_json: JsonOption = False,
) -> None:
    """Show the API keys of a project."""
    with open_project(project) as (client, ref):
        found = client.api_keys(ref, is_revealed=reveal)
    if is_json:
        print_json([as_document(key) for key in found])
    else:
        print_rows(("NAME", "KEY"), [(key.label, key.api_key or "") for key in found])


@app.command()
def studio(project: ProjectArgument, is_json: JsonOption = False) -> None:
    """Show the address of a project's Studio, and who signs in."""
    with open_project(project) as (client, ref):
        access = client.studio_access(ref)
    if is_json:
        print_json(as_document(access))
    else:
        print_fields({"url": access.url, "username": access.username, "password": access.password})


app.command()(verbs.pause)
app.command()(verbs.resume)
app.command()(verbs.restart)
app.command("set")(verbs.change)
app.command()(logs)


@app.command()
def delete(
    project: ProjectArgument,
    wait: verbs.WaitOption = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for it to be typed again.")] = False,
    is_json: JsonOption = False,
) -> None:
    """Delete a project and all its data."""
    with open_project(project) as (client, ref):
        if not yes:
            _confirm_by_typing(project, ref)
        client.delete_project(ref)
        run = client.newest_run(ref, RunKind.PROJECT_DELETE)
        tell_of_run(client, ref, run, f"deleted {project}", wait=wait, is_json=is_json)


def print_ready(client: FleetClient, ref: str, run: Run) -> None:
    """Print what a person needs of a project that has just come up; what is secret is asked for by itself."""
    project = client.fleet_project(ref)
    found = client.api_keys(ref, is_revealed=False)
    print_fields(
        {
            "project": f"{project.name} ({project.ref}) is {project.status}",
            "times": phase_times(run),
            "url": project.public_url,
            **{f"{key.label} key": key.api_key for key in found if key.is_public},
            "secret keys": f"supafleet project keys {ref} --reveal",
            "studio": f"supafleet project studio {ref}",
        }
    )


def studio_line(access: StudioAccess) -> str:
    """Who signs in to the Studio that answers at the project's address."""
    return f"the same address in a browser, as {access.username} with {access.password}"


def _chosen_password(*, is_stdin: bool, is_prompt: bool) -> str | None:
    if is_stdin and is_prompt:
        raise UsageError("--db-password-stdin and --db-password-prompt exclude each other")
    if is_prompt:
        return str(typer.prompt("Database password", hide_input=True, confirmation_prompt=True, err=True))
    if not is_stdin:
        return None
    password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not password:
        raise UsageError("--db-password-stdin: standard input holds no password")
    return password


def _confirm_by_typing(project: str, ref: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("deleting a project needs its name or ref typed again on a terminal, or --yes")
    called = project if project == ref else f"{project} ({ref})"
    print_note(f"This removes the project {called} with its database and files. It cannot be undone.")
    if typer.prompt(f"Type {project} to go on", err=True) != project:
        raise UsageError(f"that is not {project}: nothing was deleted")
