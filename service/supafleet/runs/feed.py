"""A run's events as they are stored, read once for all who follow the run in this process."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from supafleet.db import reading
from supafleet.errors import RunNotFound
from supafleet.runs import service
from supafleet.runs.vocabulary import EventKind
from supafleet.runs.wakeup import wakeups

#: What another process stores is found by looking; what this one stores wakes us.
_POLLING_SECONDS = 0.15
_OUTAGE_SECONDS = 1.0
_MOST_KEPT = 1000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """One event as it is sent."""

    number: int
    text: str
    is_last: bool


class RunFeed:
    """The newest events of a run in memory; a follower who is further behind reads the database.

    If all of fifty followers read every batch, the last of them would be told half a second after the first.
    """

    def __init__(self, engine: Engine, run_id: str) -> None:
        self.followers = 0
        self._engine = engine
        self._run_id = run_id
        self._kept: deque[Line] = deque(maxlen=_MOST_KEPT)
        self._last: int | None = None
        self._has_ended = False
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._follow())

    async def after(self, number: int, wait_seconds: float) -> tuple[list[Line], bool]:
        """The next events beyond a number, and whether the run has ended; none when none come in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_seconds):
                while not self._has_ended and (self._last is None or self._last <= number):
                    await self._changed.wait()
        if self._is_kept_from(number + 1):
            return [line for line in self._kept if line.number > number], self._has_ended
        return await run_in_threadpool(_read, self._engine, self._run_id, number)

    def close(self) -> None:
        """Look no more."""
        self._task.cancel()

    def _is_kept_from(self, number: int) -> bool:
        if self._kept:
            return number >= self._kept[0].number
        return self._last is not None and number > self._last

    async def _follow(self) -> None:
        try:
            with wakeups.subscribe(self._run_id) as woken:
                while not self._has_ended:
                    woken.clear()
                    if await self._look():
                        self._tell()
                        continue
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(woken.wait(), _POLLING_SECONDS)
        finally:
            # Whatever ended this, nobody may wait for it any more.
            self._has_ended = True
            self._tell()

    async def _look(self) -> bool:
        """Whether something was new."""
        try:
            if self._last is None:
                # What was stored before is read by those who ask for it.
                self._last, self._has_ended = await run_in_threadpool(_position, self._engine, self._run_id)
                return True
            lines, has_ended = await run_in_threadpool(_read, self._engine, self._run_id, self._last)
        except RunNotFound:
            self._has_ended = True
            return True
        except SQLAlchemyError as error:
            log.warning("feed.failed", run_id=self._run_id, reason=type(error).__name__)
            await asyncio.sleep(_OUTAGE_SECONDS)
            return False
        self._has_ended = lines[-1].is_last if lines else has_ended
        if lines:
            self._kept.extend(lines)
            self._last = lines[-1].number
        return bool(lines) or has_ended

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class Feeds:
    """The feeds that somebody follows."""

    def __init__(self) -> None:
        self._feeds: dict[tuple[asyncio.AbstractEventLoop, Engine, str], RunFeed] = {}

    @contextlib.contextmanager
    def follow(self, engine: Engine, run_id: str) -> Iterator[RunFeed]:
        """The feed of a run: begun by the first follower, ended with the last."""
        key = (asyncio.get_running_loop(), engine, run_id)
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = RunFeed(engine, run_id)
        feed.followers += 1
        try:
            yield feed
        finally:
            feed.followers -= 1
            if not feed.followers:
                feed.close()
                del self._feeds[key]


#: One per process.
feeds = Feeds()


def _position(engine: Engine, run_id: str) -> tuple[int, bool]:
    with reading(engine) as session:
        run = service.get_run(session, run_id)
        return run.last_number, run.ended_at is not None


def _read(engine: Engine, run_id: str, after: int) -> tuple[list[Line], bool]:
    """The next events, and whether the run had ended before they were read."""
    with reading(engine) as session:
        has_ended = service.get_run(session, run_id).ended_at is not None
        events = service.events_after(session, run_id, after)
    lines = [
        Line(
            event.number,
            f"id: {event.number}\nevent: {event.kind}\ndata: {event.model_dump_json()}\n\n",
            event.kind == EventKind.RUN_ENDED,
        )
        for event in events
    ]
    return lines, has_ended
