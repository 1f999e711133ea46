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
