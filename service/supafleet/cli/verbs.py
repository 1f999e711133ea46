"""`supafleet project pause|resume|restart|set`: verbs that change a project which is there."""

from pathlib import Path
from typing import Annotated, Any

import typer

from supafleet.cli.client import as_document
from supafleet.cli.exits import UsageError
from supafleet.cli.output import JsonOption, print_json, print_project
from supafleet.cli.request import parse_settings, read_settings_file
from supafleet.cli.session import open_project
from supafleet.cli.watch import tell_of_run

ProjectArgument = Annotated[
    str, typer.Argument(metavar="PROJECT", help="The project's name or ref, as `project list` shows them.")
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Watch the run to its end; fail when it fails.")]
SettingsFileOption = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Settings as YAML; the place for those that hold secrets."),
]


def pause(project: ProjectArgument, wait: WaitOption = False, is_json: JsonOption = False) -> None:
    """Stop all services of a project and keep its data."""
    _act(project, "pause", None, "is paused", wait=wait, is_json=is_json)


def resume(project: ProjectArgument, wait: WaitOption = False, is_json: JsonOption = False) -> None:
    """Bring a paused project up again, with the same keys and data."""
    _act(project, "resume", None, "is up", wait=wait, is_json=is_json)


def restart(
    project: ProjectArgument,
    services: Annotated[
        list[str] | None, typer.Argument(metavar="SERVICE", help="Services, such as auth. Default: all.")
    ] = None,
    wait: WaitOption = False,
    is_json: JsonOption = False,
) -> None:
    """Restart a project, or some of its services."""
    _act(project, "restart", {"services": services or []}, "is up", wait=wait, is_json=is_json)


def change(
    project: ProjectArgument,
    setting: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=VALUE", help="Settings; a dot goes a level down."),
    ] = None,
    settings_file: SettingsFileOption = None,
    unset: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A setting to take back.")] = None,
    self_healing: Annotated[
        bool | None, typer.Option("--heal/--no-heal", help="Whether lost containers are brought back.")
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Change settings of a project; ends when they are applied."""
    document = read_settings_file(settings_file) if settings_file else None
    given = parse_settings(setting or [], document, called="the setting")
    given |= dict.fromkeys(unset or [])
    body: dict[str, Any] = {}
    if given:
        body["settings"] = given
    if self_healing is not None:
        body["self_healing"] = self_healing
    if not body:
        raise UsageError("nothing to change: give NAME=VALUE, --settings-file, --unset or --heal")
    with open_project(project) as (client, ref):
        changed = client.change_project(ref, body)
    if is_json:
        print_json(as_document(changed))
    else:
        print_project(changed)


def _act(project: str, verb: str, body: dict[str, Any] | None, done: str, *, wait: bool, is_json: bool) -> None:
    with open_project(project) as (client, ref):
        run = client.act_on_project(ref, verb, body)
        tell_of_run(client, ref, run, f"{project} {done}", wait=wait, is_json=is_json)
