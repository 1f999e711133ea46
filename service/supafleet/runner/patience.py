"""How long a child is listened to: one that was frozen, or hangs, would otherwise never end its run."""

import asyncio
import contextlib


class Patience:
    """A limit for one child, which a cancel draws nearer. Made on the loop that listens."""

    def __init__(self, timeout_seconds: float, spare_seconds: float) -> None:
        """A child that works ends by itself after the timeout, and has the spare time to do so; also after a cancel."""
        self._loop = asyncio.get_running_loop()
        self._spare_seconds = spare_seconds
        self.limit = asyncio.timeout(timeout_seconds + spare_seconds)
        self._is_canceled = False

    def cancel(self) -> None:
        """The child was asked to end; from any thread, and again and again."""
        with contextlib.suppress(RuntimeError):  # the loop has ended, and so has the child
            self._loop.call_soon_threadsafe(self._draw_nearer)

    def last_word(self) -> dict[str, str]:
        """What a child that answers would have said by now."""
        return {"reason": "canceled"} if self._is_canceled else {"end": "timeout"}

    def _draw_nearer(self) -> None:
        until, limit = self._loop.time() + self._spare_seconds, self.limit.when()
        if self._is_canceled or limit is None:
            return
        self._is_canceled = True
        with contextlib.suppress(RuntimeError):  # nobody listens any more: the child has ended
            self.limit.reschedule(min(until, limit))
