"""A worker in a process of its own, so that a test can kill or freeze it: it launches a playbook and pings."""

import asyncio
import sys
import threading
import time
from pathlib import Path

from tests.ansible.launching import real_launcher, request


def main() -> None:
    directory, owner, lease, playbook = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), sys.argv[4]
    launcher = real_launcher(directory, owner=owner, lease=lease, grace=2)

    def ping() -> None:
        while True:
            launcher.ping()
            time.sleep(0.3)

    threading.Thread(target=ping, daemon=True).start()
    asyncio.run(launcher.launch(request(playbook), lambda event: print(event.kind, flush=True)))


main()
