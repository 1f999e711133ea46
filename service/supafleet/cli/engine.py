"""Whether the Docker engine of this machine is there."""

import os
import socket

_DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
_SCHEME = "unix://"
_PATIENCE_SECONDS = 5


def is_engine_there() -> bool:
    """Whether something answers at the engine's socket; an engine that is reached over a network counts as there."""
    address = os.environ.get("DOCKER_HOST") or _DEFAULT_ADDRESS
    if not address.startswith(_SCHEME):
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_PATIENCE_SECONDS)
        try:
            probe.connect(address.removeprefix(_SCHEME))
        except (FileNotFoundError, ConnectionRefusedError, TimeoutError):
            return False
        except PermissionError:  # there, but not for this user
            return True
    return True
