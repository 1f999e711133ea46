"""Reading a project's logs: one playbook per reader, its lines passed on as they come and kept nowhere."""

import asyncio
import contextlib
import re
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.engine import Engine

from supafleet.accounts.service import Actor
from supafleet.db import reading as reading_session
from supafleet.errors import Conflict, HostFailed, InvalidField, NotFound, allowed
from supafleet.jobs.identity import ExecutorIdentity, claim_identity
from supafleet.projects import service
from supafleet.projects.launching import launch_request
from supafleet.runner.launcher import LaunchRequest, PlaybookLauncher, launcher_of
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runs.vocabulary import EventKind, RunEvent
from supafleet.settings import Settings
from supafleet.stack.settings import SERVICES

MOST_LINES = 5000
DEFAULT_LINES = 100
_PLAYBOOK = "project_logs.yml"
_ANSWER_LINES = 500
_ANSWER_BYTES = 24_000
#: A reader who does not read must not fill the memory.
_MOST_WAITING_ANSWERS = 200
_QUIET_SECONDS = 5.0
_FOLLOW_SECONDS = 7 * 86400.0
_STOP_SECONDS = 15.0
_SPAN = re.compile(r"[0-9]{1,6}[smhd]")
_log = structlog.get_logger(__name__)

Line = dict[str, Any]


@dataclass(frozen=True)
class LogQuery:
    """What a reader wants; all services when none is named."""

    ref: str
    services: tuple[str, ...] = ()
    tail: int | None = None
    since: str | None = None
    follow: bool = False

    @property
    def variables(self) -> dict[str, Any]:
        """The arguments of the role."""
        lines = self.tail if self.tail is not None else DEFAULT_LINES if self.since is None else MOST_LINES
        return {
            "project_logs_services": list(self.services),
            "project_logs_tail": lines,
            "project_logs_since": self.since or "",
            "project_logs_follow": self.follow,
            "project_logs_most_lines": _ANSWER_LINES,
            "project_logs_most_bytes": _ANSWER_BYTES,
        }


def parse_services(values: Sequence[str]) -> tuple[str, ...]:
    """The wanted services from repeated or comma-joined values; none means all.

    Raises:
        InvalidField: a name is not that of a service.
    """
    asked = [name.strip() for value in values for name in value.split(",")]
    if any(name not in SERVICES for name in asked):
        raise InvalidField("service", f"must be one or more of {allowed(SERVICES)}")
    return tuple(name for name in SERVICES if name in asked)


def parse_since(text: str | None) -> str | None:
    """A span as it is, since the Docker host's clock counts; a time in UTC.

    Raises:
        InvalidField: it is neither.
    """
    if text is None or _SPAN.fullmatch(text):
        return text
    with contextlib.suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None and "T" in text:
            return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    raise InvalidField("since", "must be a span such as 30s, 10m, 2h or 1d, or a time such as 2026-01-31T12:00:00Z")


class LogReading:
    """One reader's playbook, from its launch until nothing of it is left."""

    def __init__(
        self, launcher: PlaybookLauncher, request: LaunchRequest, beat_seconds: float, account_id: int
    ) -> None:
        self.account_id = account_id
        self._launcher = launcher
        self._request = request
        self._beat_seconds = beat_seconds
        self._arrived: asyncio.Queue[list[Line] | LaunchOutcome] = asyncio.Queue()
        self._first: list[Line] | LaunchOutcome = []
        self._has_begun = False
        self._is_absent = False
        self._has_left = False
        self._is_over = False

    async def begin(self) -> None:
        """Wait until lines are being read.

        Raises:
            NotFound: the project has no such container.
            HostFailed: nothing could be read.
        """
        self._first = await self._arrived.get()
        if isinstance(self._first, LaunchOutcome) and self._first.status != "successful":
            raise (NotFound if self._is_absent else HostFailed)(_sentence(self._first))

    async def answers(self) -> AsyncIterator[list[Line]]:
        """Lines as they come, an empty list at least every few seconds; the last may hold an `error`."""
        arrived = self._first
        while not isinstance(arrived, LaunchOutcome):
            yield arrived
            try:
                arrived = await asyncio.wait_for(self._arrived.get(), _QUIET_SECONDS)
            except TimeoutError:
                arrived = []
        if arrived.status != "successful":
            yield [{"error": _sentence(arrived)}]

    def leave(self) -> None:
        """Have the playbook end; called again, or after its end, it does nothing."""
        if not self._has_left and not self._is_over:
            self._launcher.cancel(self._request.run_id)
        self._has_left = True

    async def carry_out(self) -> None:
        """Run the playbook, and remove what a reading that was cut off leaves on the host."""
        outcome = LaunchOutcome("error", "The logs could not be read.")
        beating = asyncio.create_task(self._beat())
        try:
            # A reader may be gone before there is a playbook that could be canceled.
            if not self._has_left:
                outcome = await _launch(self._launcher, self._request, self._take)
            self._is_over = True
            self._arrived.put_nowait(outcome)
            if outcome.status != "successful" and (self._has_begun or outcome.status != "failed"):
                await self._forget()
        finally:
            beating.cancel()
            if not self._is_over:
                self._arrived.put_nowait(outcome)

    async def _forget(self) -> None:
        variables = {**self._request.extra_vars, "project_logs_state": "ended"}
        request = replace(self._request, attempt=2, extra_vars=variables)
        outcome = await _launch(self._launcher, request, lambda _event: None)
        if outcome.status != "successful":
            # It holds times and no line; the next reading removes it when it is a day old.
            _log.warning("logs.cursor_left", run_id=request.run_id, reason=outcome.explanation)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._beat_seconds)
            self._launcher.ping()

    def _take(self, event: RunEvent) -> None:
        if event.kind is not EventKind.LOGS_READ or self._has_left:
            return
        detail = event.detail or {}
        if not detail.get("services"):
            # The failure that follows says so in a sentence.
            self._is_absent = True
            return
        self._has_begun = True
        if self._arrived.qsize() < _MOST_WAITING_ANSWERS:
            self._arrived.put_nowait(list(detail.get("lines") or []))
            return
        self._arrived.put_nowait(LaunchOutcome("error", "The reader was slower than the lines came."))
        self.leave()


class LogReaders:
    """All readers of this process."""

    def __init__(self, settings: Settings, engine: Engine, launcher: PlaybookLauncher | None = None) -> None:
        self._settings = settings
        self._engine = engine
        self._given_launcher = launcher
        self._launcher = launcher
        self._identity: ExecutorIdentity | None = None
        self._open: dict[LogReading, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Take a name, and end what the last process of this name left on this machine."""
        if self._given_launcher is not None:
            return
        # Names of its own: those of workers decide whose runs are taken up after a restart.
        self._identity = claim_identity(self._settings.data_dir / "log-readers")
        self._launcher = launcher_of(self._settings, f"{self._identity.executor_id}-logs")
        self._launcher.sweep()

    async def open(self, query: LogQuery, actor: Actor) -> LogReading:
        """Begin to read; whoever gets a reading must leave it.

        Raises:
            ProjectNotFound, Forbidden: the actor may not read this.
            NotFound: the project has no such container.
            HostFailed: nothing could be read.
            Conflict: there are as many readers as may be.
        """
        request = await run_in_threadpool(self._request, query, actor)
        limit = self._settings.log_readers
        if len(self._open) >= limit:
            raise Conflict(f"As many readers of logs as log_readers allows ({limit}) are at work: try again later.")
        own = sum(reading.account_id == actor.account_id for reading in self._open)
        if own >= max(1, limit // 2):
            raise Conflict(
                f"{own} readers of logs of this account are at work, half of log_readers ({limit}): end one."
            )
        launcher = self._require_launcher()
        reading = LogReading(launcher, request, self._settings.worker_beat_seconds, actor.account_id)
        task = asyncio.create_task(reading.carry_out())
        self._open[reading] = task
        task.add_done_callback(lambda _task: self._open.pop(reading, None))
        try:
            await reading.begin()
        except BaseException:
            reading.leave()
            raise
        return reading

    async def stop(self) -> None:
        """End all readings."""
        tasks = list(self._open.values())
        for reading in list(self._open):
            reading.leave()
        if tasks:
            await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        if self._given_launcher is None and self._launcher is not None:
            await run_in_threadpool(self._launcher.stop)
        if self._identity is not None:
            self._identity.release()

    def _request(self, query: LogQuery, actor: Actor) -> LaunchRequest:
        with reading_session(self._engine) as session:
            service.get_project(session, query.ref, actor)
            inputs = service.run_inputs(session, query.ref, self._settings)
        run_id = f"logs-{uuid.uuid4()}"
        return launch_request(
            inputs,
            {"id": run_id, "kind": "project_logs", "actor": actor.username, "driver": "api"},
            _PLAYBOOK,
            {"project_logs_cursor": run_id, **query.variables},
            self._settings,
            timeout_seconds=_FOLLOW_SECONDS if query.follow else None,
        )

    def _require_launcher(self) -> PlaybookLauncher:
        if self._launcher is None:
            raise RuntimeError("the readers of logs were not started")
        return self._launcher


async def _launch(
    launcher: PlaybookLauncher, request: LaunchRequest, on_event: Callable[[RunEvent], None]
) -> LaunchOutcome:
    try:
        return await launcher.launch(request, on_event)
    except (OSError, RuntimeError, ValueError) as error:
        return LaunchOutcome("error", f"The playbook could not be started: {error}")


def _sentence(outcome: LaunchOutcome) -> str:
    return outcome.explanation or "The logs could not be read."
