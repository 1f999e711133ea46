"""One command's client, opened on what the environment or the credentials file says."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from supafleet.cli.client import FleetClient
from supafleet.cli.credentials import find_connection


@contextmanager
def open_client() -> Iterator[FleetClient]:
    """A client of the API that this shell is set up for."""
    client = FleetClient(find_connection(os.environ, Path.cwd()))
    try:
        yield client
    finally:
        client.close()


@contextmanager
def open_project(wanted: str) -> Iterator[tuple[FleetClient, str]]:
    """A client, and the ref of the project that a person means by its ref or its name."""
    with open_client() as client:
        yield client, client.find_ref(wanted)
