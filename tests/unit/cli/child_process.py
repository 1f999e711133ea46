"""Child processes that never outlive their test, whatever fails in it."""

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

# A child that takes longer is stuck; without this, a test would wait for its output or its end for ever.
_LONGEST_SECONDS = 45


@contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A child without standard input that an interrupt reaches even when it is ignored here, as in a background job."""
    listening = ["env", "--default-signal=INT", *command]
    with subprocess.Popen(listening, stdin=subprocess.DEVNULL, **options) as process:
        watchdog = threading.Timer(_LONGEST_SECONDS, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()
