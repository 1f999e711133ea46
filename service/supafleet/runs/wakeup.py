"""Wakes readers of a run's events in this process as soon as events are stored; readers elsewhere poll."""

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Wakeups:
    """Readers by run. Thread-safe: events are stored in worker threads, readers wait in the API's loop."""

    def __init__(self) -> None:
        self._readers: defaultdict[str, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = defaultdict(set)
        self._lock = threading.Lock()

    @contextmanager
    def subscribe(self, run_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever something was stored for the run."""
        reader = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._readers[run_id].add(reader)
        try:
            yield reader[1]
        finally:
            with self._lock:
                self._readers[run_id].discard(reader)
                if not self._readers[run_id]:
                    del self._readers[run_id]

    def wake(self, run_id: str) -> None:
        """Something was stored and committed."""
        with self._lock:
            readers = list(self._readers.get(run_id, ()))
        for loop, event in readers:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)


#: One per process: storing and reading meet here without knowing each other.
wakeups = Wakeups()
