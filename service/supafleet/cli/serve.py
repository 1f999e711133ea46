"""`supafleet serve`: the API in this process."""

import gc
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import uvicorn
from pydantic import ValidationError

from supafleet.cli.exits import CommandError, UsageError
from supafleet.cli.output import print_note
from supafleet.cli.systemd import SERVICE_UNIT, install_unit, left_behind
from supafleet.cli.variables import shell_variables
from supafleet.settings import Settings, variable_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Open event streams do not end by themselves; a stop must.
_STOP_SECONDS = 3
_ALLOCATIONS_BEFORE_COLLECTION = 50_000
# A tenth of Python's own.
_SWITCH_SECONDS = 0.0005


def serve(
    host: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Address to listen on. Default: SUPAFLEET_LISTEN_HOST.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Port to listen on. Default: SUPAFLEET_LISTEN_PORT.")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Folder of database, master key and token. Default: SUPAFLEET_DATA_DIR."),
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Write a systemd unit that serves with these options, and end.")
    ] = False,
) -> None:
    """Run the service in this process.

    That is the API, and unless SUPAFLEET_EMBEDDED_WORKER is false the worker that carries out runs.

    What it knows is in the data folder: the database (control.sqlite, unless SUPAFLEET_DATABASE_URL names another),
    master.key and owner-token. Copy the folder while the service is stopped; docs/how-to/operate.md tells how to back
    up one that runs.
    """
    settings = read_settings(listen_host=host, listen_port=port, data_dir=data_dir)
    if install:
        _install(settings)
        return
    listener = listen(settings.listen_host, settings.listen_port)
    # Imported here: every other command starts without loading the whole service.
    from supafleet.app import create_app
    from supafleet.errors import StartRefused

    start = _NamedStart(create_app(settings), StartRefused)
    server = _SwiftServer(uvicorn.Config(start, log_config=None, timeout_graceful_shutdown=_STOP_SECONDS))
    # uvicorn ends a failed start with an exit code of its own, which means something else here.
    with suppress(SystemExit):
        server.run(sockets=[listener])
    if not server.started:
        raise CommandError(f"the service did not start: {start.refusal or 'its log says why'}")


class _SwiftServer(uvicorn.Server):
    """A server whose process is tuned for short answers once it has started."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then spare every request what it would wait for."""
        await super().startup(sockets)
        # What was loaded stays; to look through it for garbage, now and then, would hold up a request for long.
        gc.freeze()
        gc.set_threshold(_ALLOCATIONS_BEFORE_COLLECTION)
        # A request is handed to a thread and back, and waits for whoever holds the interpreter each time.
        sys.setswitchinterval(_SWITCH_SECONDS)


class _NamedStart:
    """The application, whose refusal to start is kept as a sentence instead of a traceback in the log."""

    def __init__(self, app: "ASGIApp", refusals: type[Exception]) -> None:
        self._app = app
        self._refusals = refusals
        self.refusal: Exception | None = None

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        async def send_quietly(message: "Message") -> None:
            # The message is a traceback; it is sent while the exception is being handled.
            refusal = sys.exception()
            if message["type"] == "lifespan.startup.failed" and isinstance(refusal, self._refusals):
                self.refusal = refusal
                message = {**message, "message": ""}
            await send(message)

        await self._app(scope, receive, send_quietly)


def read_settings(**options: object) -> Settings:
    """The settings of the environment with the options above them.

    The options go through the environment, so that child processes of the service read the same.
    """
    for name, value in options.items():
        if value is not None:
            os.environ[variable_of(name)] = str(value.absolute() if isinstance(value, Path) else value)
    try:
        return Settings()
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        variable = variable_of("_".join(str(part) for part in problem["loc"]))
        raise UsageError(f"{variable}: {problem['msg'].removeprefix('Value error, ')}") from None


def listen(host: str, port: int) -> socket.socket:
    """The listening socket, bound before the service starts: a taken port is one sentence, not a half-made start."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise CommandError(f"cannot listen on {host} port {port}: {error.strerror}") from error
    return listener


def _install(settings: Settings) -> None:
    command = [
        *(sys.executable, "-m", "supafleet.cli", "serve"),
        *("--host", settings.listen_host),
        *("--port", str(settings.listen_port)),
        *("--data-dir", str(settings.data_dir)),
    ]
    path = install_unit(command, unit=SERVICE_UNIT)
    print(f"wrote {path}. Start it now and at every boot with: systemctl enable --now {SERVICE_UNIT.name}")
    if note := left_behind(shell_variables()):
        print_note(note)
