"""`supafleet up`: this machine prepared, the service running, a first project in it; again, nothing to do."""

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from supafleet.cli.client import FleetClient, as_document
from supafleet.cli.credentials import CREDENTIALS_PATH, TOKEN_VARIABLE, URL_VARIABLE, Connection, write_credentials
from supafleet.cli.engine import is_engine_there
from supafleet.cli.exits import CommandError, ExitCode
from supafleet.cli.local_service import LocalService, ServiceRecord, code_version
from supafleet.cli.output import JsonOption, phase_times, print_fields, print_json, print_note
from supafleet.cli.playbooks import run_playbook
from supafleet.cli.projects import studio_line
from supafleet.cli.request import choose_organization, generate_password
from supafleet.cli.shapes import FleetProject, StudioAccess
from supafleet.cli.variables import process_variables, shell_variables
from supafleet.cli.watch import require_success, show_for, watch_run
from supafleet.flavour import Flavour
from supafleet.runs.vocabulary import RunKind

DEFAULT_DATA_DIR = CREDENTIALS_PATH.parent
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8600
_USABLE_STATUS = "ACTIVE_HEALTHY"
# After a start of the machine the service has seen nothing yet, and containers come up by themselves.
_PASSING_STATUSES = frozenset({"UNKNOWN", "ACTIVE_UNHEALTHY", "COMING_UP", "RESTARTING", "RESTORING"})
_PASSING_SECONDS = 180.0
_FIRST_LOOK_SECONDS = 30.0
# Half of what a token may ask in a minute: others may have the same one. A first look takes a second or two.
_POLL_SECONDS, _FIRST_LOOK_POLL_SECONDS = 1.0, 0.5
_PREPARATION = "prepare this machine", "host_prepare"
_FLAVOUR_VARIABLE = "SUPAFLEET_DEFAULT_FLAVOUR"
_RESTART_HINT = "Once the cause is mended, bring it up with: supafleet project restart {ref} --wait"
_HINTS = {
    "INACTIVE": "Bring it up again with: supafleet project resume {ref} --wait",
    "INIT_FAILED": _RESTART_HINT,
    "RESTORE_FAILED": _RESTART_HINT,
}
_HINT = "See what is wrong with: supafleet project get {ref}"

# What it names is told to processes by argument and kept in images: no place for a password.
_MIRROR = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?")

DataDirOption = Annotated[Path, typer.Option("--data-dir", metavar="PATH", help="Folder of the service's data.")]


class Steps:
    """The steps of a command on this machine: says what is done and remembers how long it took."""

    def __init__(self, data_dir: Path, *, is_json: bool) -> None:
        self.seconds: dict[str, float] = {}
        self._log_dir = data_dir / "log"
        self.is_json = is_json

    def say(self, line: str) -> None:
        """Print a line of progress; beside a JSON document it goes to standard error."""
        if self.is_json:
            print_note(line)
        else:
            print(line, flush=True)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """One step."""
        self.say(name)
        began = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - began, 1)

    def playbook(self, title: str, name: str, options: Sequence[str] = ()) -> None:
        """One step that is a playbook."""
        with self.timed(title):
            for line in run_playbook(name, self._log_dir / f"{name}.log", options):
                self.say(f"  {line.outcome:8}{line.seconds:6.1f}s  {line.name}")


def _debian_mirror(text: str) -> str:
    if not _MIRROR.fullmatch(text):
        raise typer.BadParameter("must be http://host/path or https://host/path, without a password or a query")
    return text


def up(
    flavour: Annotated[
        Flavour | None, typer.Option(help="Images of the first project. Default: sandbox, which needs no registry.")
    ] = None,
    project: Annotated[str, typer.Option(metavar="NAME", help="Name of the first project.")] = "demo",
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            help=f"Port of the API on the loopback address. Default: {DEFAULT_PORT}, or that of the running service.",
        ),
    ] = None,
    sandbox_mirror: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            parser=_debian_mirror,
            help="Debian mirror that the sandbox images are made from. Default: that of this machine's apt sources, "
            "which only Debian has.",
        ),
    ] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    is_json: JsonOption = False,
) -> None:
    """Bring up the service on this machine with a first project.

    Installs and starts Docker when needed, builds the sandbox images, starts the service in the background, creates
    the project through the API and writes credentials.env in the data folder. Again, it changes nothing and prints
    the same; only a service that runs other code than this, or other settings than this shell has, is restarted. What
    the service was started with and this shell does not set, stays.
    """
    folder = data_dir.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with exclusive(folder):
        steps = Steps(folder, is_json=is_json)
        service = LocalService(folder)
        before = service.running()
        record = _start(service, steps, port, flavour) if before is None else _reuse(service, steps, before, port)
        with closing(client_of(service, record)) as client:
            projects = client.fleet_projects()
            ref = next((found.ref for found in projects if found.name == project), None)
            chosen: Flavour = flavour or "sandbox"
            # Other code may stand for other images, and containers are made without asking any registry for them.
            flavours = {found.flavour for found in projects} if record != before else set()
            if "sandbox" in flavours or (ref is None and chosen == "sandbox"):
                steps.playbook("build the sandbox images", "sandbox_images", _mirror_options(sandbox_mirror))
            if ref is None:
                ref = _create(client, steps, project, chosen)
            else:
                _require_usable(client, steps, ref, flavour)
            _report(client, steps, service, ref)


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """One `up` or `down` at a time per data folder."""
    with (folder / "up.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandError(f"another `supafleet up` or `down` works on {folder}", ExitCode.CONFLICT) from error
        yield


def _start(service: LocalService, steps: Steps, port: int | None, flavour: Flavour | None) -> ServiceRecord:
    # A project that asks for no flavour gets the one that this machine has the images of.
    variables = {} if flavour is None else {_FLAVOUR_VARIABLE: flavour, **shell_variables()}
    service.require_database(variables)
    steps.playbook(*_PREPARATION)
    return start_service(service, steps, DEFAULT_PORT if port is None else port, variables)


def _reuse(service: LocalService, steps: Steps, record: ServiceRecord, port: int | None) -> ServiceRecord:
    """The running service on the port that is asked for, by this very code, with the settings of this shell.

    Raises:
        CommandError: it runs on another port, or cannot be started anew.
    """
    if port is not None and port != record.port:
        raise CommandError(
            f"--port {port}: the service of {service.data_dir} runs on port {record.port}. "
            f"Stop it first with: supafleet down --data-dir {service.data_dir}",
            ExitCode.CONFLICT,
        )
    require_engine(steps)
    had = process_variables(record.pid)
    wanted = {**had, **shell_variables()}
    changed = sorted(name for name, value in wanted.items() if had.get(name) != value)
    if record.version != (version := code_version()):
        steps.say(f"the running service is of version {record.version or 'unknown'}, this is {version}")
    elif not changed:
        return record
    if changed:
        steps.say(f"the running service was started with other settings: {', '.join(changed)}")
    return _restart_service(service, steps, record, had, wanted)


def require_engine(steps: Steps) -> None:
    """Have the engine of this machine started when nobody did so after a start of the machine."""
    if not is_engine_there():
        steps.playbook(*_PREPARATION)


def _restart_service(
    service: LocalService, steps: Steps, record: ServiceRecord, had: Mapping[str, str], wanted: Mapping[str, str]
) -> ServiceRecord:
    # What may refuse a start does so while the old one still serves.
    service.require_database(wanted)
    port = record.port or DEFAULT_PORT
    with steps.timed("restart the service"):
        service.stop()
        try:
            return service.start(DEFAULT_HOST, port, wanted)
        except CommandError:
            if wanted != had:
                steps.say("it is started again with the settings that it had")
                service.start(DEFAULT_HOST, port, had)
            raise


def start_service(
    service: LocalService, steps: Steps, port: int, variables: Mapping[str, str] = MappingProxyType({})
) -> ServiceRecord:
    """Start the service as one step, with settings beside those of this shell.

    Raises:
        UsageError: its database is elsewhere, and nobody says where.
    """
    service.require_database(variables)
    with steps.timed("start the service"):
        return service.start(DEFAULT_HOST, port, variables)


def _mirror_options(mirror: str | None) -> Sequence[str]:
    return () if mirror is None else ("--extra-vars", json.dumps({"sandbox_images_mirror": mirror}))


def client_of(service: LocalService, record: ServiceRecord) -> FleetClient:
    """A client of the local service, as its owner."""
    return FleetClient(Connection(record.api_url, service.owner_token()))


def _create(client: FleetClient, steps: Steps, name: str, flavour: Flavour) -> str:
    _wait_for_first_looks(client)
    with steps.timed(f"create the project {name}"):
        body = {
            "name": name,
            "organization_slug": choose_organization(client, None),
            "db_pass": generate_password(),
            "flavour": flavour,
        }
        ref = client.create_project(body).ref
        _follow_create(client, steps, ref)
    return ref


def _wait_for_first_looks(client: FleetClient) -> None:
    """Let the service see which ports and subnets other installations have, lest the project is given theirs."""
    until = time.monotonic() + _FIRST_LOOK_SECONDS
    while any(host.observed_at is None and host.observation_error is None for host in client.hosts()):
        if time.monotonic() >= until:
            return
        time.sleep(_FIRST_LOOK_POLL_SECONDS)


def _follow_create(client: FleetClient, steps: Steps, ref: str) -> None:
    run = client.newest_run(ref, RunKind.PROJECT_CREATE)
    require_success(watch_run(client, run.id, show_for(is_json=steps.is_json)))


def _require_usable(client: FleetClient, steps: Steps, ref: str, flavour: Flavour | None) -> None:
    """Take an existing project as it is, or say why it cannot be taken."""
    project = client.fleet_project(ref)
    if flavour is not None and project.flavour != flavour:
        raise CommandError(
            f"the project {project.name} ({ref}) has the flavour {project.flavour}, not {flavour}. "
            f"Delete it first with: supafleet project delete {ref} --wait",
            ExitCode.CONFLICT,
        )
    if project.run is not None and project.run.kind == RunKind.PROJECT_CREATE and not project.run.is_finished:
        _follow_create(client, steps, ref)
        project = client.fleet_project(ref)
    if project.status in _PASSING_STATUSES:
        with steps.timed(f"wait for the project {project.name}"):
            project = _wait_until_settled(client, ref)
    if project.status != _USABLE_STATUS:
        reason = f": {project.status_reason}" if project.status_reason else ""
        hint = _HINTS.get(project.status, _HINT).format(ref=ref)
        raise CommandError(f"the project {project.name} ({ref}) is {project.status}{reason}. {hint}")


def _wait_until_settled(client: FleetClient, ref: str) -> FleetProject:
    until = time.monotonic() + _PASSING_SECONDS
    while True:
        project = client.fleet_project(ref)
        if project.status not in _PASSING_STATUSES or time.monotonic() >= until:
            return project
        time.sleep(_POLL_SECONDS)


def _report(client: FleetClient, steps: Steps, service: LocalService, ref: str) -> None:
    project = client.fleet_project(ref)
    keys = {key.label: key.api_key or "" for key in client.api_keys(ref, is_revealed=True)}
    access = client.studio_access(ref)
    credentials = service.data_dir / CREDENTIALS_PATH.name
    values = {
        URL_VARIABLE: client.api_url,
        TOKEN_VARIABLE: service.owner_token(),
        "PROJECT_REF": ref,
        "PROJECT_URL": project.public_url or "",
        "ANON_KEY": keys.get("anon", ""),
        "SERVICE_ROLE_KEY": keys.get("service_role", ""),
        "STUDIO_USERNAME": access.username,
        "STUDIO_PASSWORD": access.password,
    }
    write_credentials(credentials, values)
    run = client.find_newest_run(ref, RunKind.PROJECT_CREATE)
    if steps.is_json:
        document = {
            "api_url": client.api_url,
            "credentials_file": str(credentials),
            "seconds": steps.seconds,
            "project": as_document(project),
            "run": as_document(run) if run else None,
        }
        print_json(document)
        return
    _print_report(steps, project, values, access, phase_times(run) if run else None, credentials)


def _print_report(
    steps: Steps,
    project: FleetProject,
    values: dict[str, str],
    access: StudioAccess,
    times: str | None,
    credentials: Path,
) -> None:
    print()
    if steps.seconds:
        print_fields({"this time": " · ".join(f"{name} {seconds:.1f}s" for name, seconds in steps.seconds.items())})
        print()
    print_fields(
        {
            "project": f"{project.name} ({project.ref}) is {project.status}",
            "created in": times,
            "url": values["PROJECT_URL"],
            "anon key": values["ANON_KEY"],
            "service_role key": values["SERVICE_ROLE_KEY"],
            "studio": studio_line(access),
            "api": values[URL_VARIABLE],
            "credentials": os.path.relpath(credentials),
        }
    )
