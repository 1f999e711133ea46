"""A Docker host in a container that outlives the command, for Molecule and for trying things by hand.

python -m tests.fleet.standing_host create NAME FOLDER [SUITE]     prints how to reach it, as JSON
python -m tests.fleet.standing_host destroy NAME
"""

import json
import sys
from pathlib import Path

from tests.fleet.docker_host_container import remove_host, start_host

USAGE = "usage: python -m tests.fleet.standing_host create NAME FOLDER [SUITE] | destroy NAME"


def main(words: list[str]) -> int:
    """Create or destroy one host; creating one that is there makes it anew."""
    match words:
        case ["create", name, folder, *suite] if len(suite) < 2:
            remove_host(name)
            place = Path(folder)
            for left in place.glob(f"{name}.*"):
                left.unlink()
            host = start_host(place, name, *suite)
            print(json.dumps({**host.docker_hosts_entry(), "name": host.name}))
        case ["destroy", name]:
            remove_host(name)
        case _:
            print(USAGE, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
