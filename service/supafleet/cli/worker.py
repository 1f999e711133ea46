"""`supafleet worker`: a process that carries out runs for a service on PostgreSQL."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from supafleet.cli.exits import CommandError
from supafleet.cli.output import print_note
from supafleet.cli.serve import read_settings
from supafleet.cli.systemd import WORKER_UNIT, install_unit, left_behind
from supafleet.cli.variables import shell_variables


def worker(
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="Folder of the master key and the worker's name. Default: SUPAFLEET_DATA_DIR."
        ),
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="Write a systemd unit that runs a worker with these options, and end.")
    ] = False,
) -> None:
    """Run a worker: it carries out runs and serves no API.

    It needs PostgreSQL (SUPAFLEET_DATABASE_URL) and the master key of the service. Start as many as you like, on any
    machine; when one dies, the others take up its runs.
    """
    settings = read_settings(data_dir=data_dir)
    # Imported here: every other command starts without loading the whole service.
    from supafleet.errors import StartRefused
    from supafleet.worker_process import require_shared_database, run_worker_process

    try:
        require_shared_database(settings)
        if install:
            _install(settings.data_dir)
            return
        run_worker_process(settings)
    except StartRefused as refusal:
        raise CommandError(f"the worker did not start: {refusal}") from None


def _install(data_dir: Path) -> None:
    command = [sys.executable, "-m", "supafleet.cli", "worker", "--data-dir", str(data_dir)]
    path = install_unit(command, unit=WORKER_UNIT)
    print(f"wrote {path}. Start it now and at every boot with: systemctl enable --now {WORKER_UNIT.name}")
    if note := left_behind(shell_variables()):
        print_note(note)
