"""What a worker does again and again beside its runs."""

import threading
from abc import ABC, abstractmethod

import structlog

_log = structlog.get_logger(__name__)


class Chore(ABC):
    """Work that is done now and after every pause, in a thread of its own, whatever goes wrong in it."""

    def __init__(self, name: str, pause_seconds: float) -> None:
        self._name = name
        self._pause_seconds = pause_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    @abstractmethod
    def work(self) -> None:
        """Do it once; what takes long looks between its steps whether it `is_stopping`."""

    def note_failure(self, error: Exception) -> None:
        """Tell that it went wrong this time."""
        _log.warning(f"{self._name}.failed", reason=type(error).__name__)

    @property
    def is_stopping(self) -> bool:
        """Whether the worker ends."""
        return self._stop.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the step it is at."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _loop(self) -> None:
        while not self._stop.is_set():
            try:
                self.work()
            except Exception as error:  # the thread must live: the database may be away for a while
                self.note_failure(error)
            self._stop.wait(self._pause_seconds)
