"""Limits of a single process: so many runs per Docker host, so many in all, the most urgent first."""

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Admission:
    """Host limit and worker slots for the embedded mode, where one process carries out everything.

    Two more queues in the database would give the same and cost a polling interval each, twice per run.
    """

    def __init__(self, host_limit: int, slots: int) -> None:
        self._host_limit = host_limit
        self._free_slots = slots
        self._on_host: Counter[str] = Counter()
        self._waiting: list[tuple[int, int, str, asyncio.Future[None]]] = []
        self._order = itertools.count()

    @asynccontextmanager
    async def hold(self, host: str, priority: int) -> AsyncIterator[None]:
        """Wait for a slot and for room on the host; a lower number goes first."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), host, turn))
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(host)
            raise
        try:
            yield
        finally:
            self._leave(host)

    def _admit(self) -> None:
        passed_over = []
        while self._waiting and self._free_slots > 0:
            entry = heapq.heappop(self._waiting)
            _, _, host, turn = entry
            if turn.done():
                continue
            if self._on_host[host] >= self._host_limit:
                passed_over.append(entry)
                continue
            self._free_slots -= 1
            self._on_host[host] += 1
            turn.set_result(None)
        for entry in passed_over:
            heapq.heappush(self._waiting, entry)

    def _leave(self, host: str) -> None:
        self._free_slots += 1
        self._on_host[host] -= 1
        self._admit()
