"""Carrying out a run: begin an attempt, launch its playbook, store what happens, end it in a named state."""

import asyncio
import subprocess
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from supafleet.content import content_root
from supafleet.db import reading, unit_of_work
from supafleet.errors import AppError
from supafleet.jobs import repository
from supafleet.jobs.ending import end_unfinished, failure_of
from supafleet.jobs.outage import is_outage
from supafleet.jobs.recorder import Recorder, begin_recorder, lock_project_of
from supafleet.projects import service as projects
from supafleet.projects.launching import launch_request
from supafleet.runner.launcher import FunctionFiles, LaunchRequest, PlaybookLauncher, launcher_of
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runs import attempts
from supafleet.runs.attempts import AttemptLostError
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import GENERATION_KINDS, Lane, RunKind
from supafleet.settings import Settings

#: A run whose attempts keep being cut off is not taken up for ever, whoever begins them.
_MOST_ATTEMPTS = 10
_DATABASE_PAUSE_SECONDS = 3.0
_UNLOCKING = "project_unlock.yml"
#: A host that does not answer by then keeps its lock until that lapses.
_UNLOCK_SECONDS = 30.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Attempt:
    run: Run
    recorder: Recorder
    request: LaunchRequest | None
    refusal: LaunchOutcome | None = None

    @property
    def has_launched(self) -> bool:
        """Whether this attempt or one before it has come to start the playbook."""
        return self.request is not None or self.run.attempt > 1


class Worker:
    """Carries out the runs of one process."""

    def __init__(self, settings: Settings, engine: Engine, launcher: PlaybookLauncher | None = None) -> None:
        self._settings = settings
        self._engine = engine
        self._given_launcher = launcher
        self._launcher: PlaybookLauncher | None = None
        self.executor_id = ""
        self._playing: Counter[str] = Counter()
        self._unlocking: set[str] = set()
        self._commit: str | None = None
        self._is_stopping = False

    def become(self, executor_id: str) -> None:
        """Take a name, and end what the last process of this name left on this machine."""
        self.executor_id = executor_id
        self._commit = playbooks_commit()
        self._launcher = self._given_launcher or launcher_of(self._settings, executor_id)
        self._launcher.sweep()

    async def play(self, run_id: str) -> dict[str, Any]:
        """Carry out a run to its end, over several attempts if they are cut off."""
        self._playing[run_id] += 1
        try:
            return {"status": await self._play(run_id)}
        finally:
            self._playing[run_id] -= 1
            if not self._playing[run_id]:
                del self._playing[run_id]

    def is_playing(self, run_id: str) -> bool:
        """Whether this worker carries out the run at this moment."""
        return run_id in self._playing

    async def _play(self, run_id: str) -> str:
        held: int | None = None
        failure: LaunchOutcome | None = None
        while True:
            try:
                if failure is not None:
                    return await asyncio.to_thread(end_unfinished, self._engine, run_id, held, failure) or "taken over"
                attempt = await asyncio.to_thread(self._begin, run_id, held)
                if attempt is None:
                    return "ended before"
                held = attempt.run.attempt
                outcome = await self._attempt(attempt)
                if self._is_stopping:
                    await _wait_for_the_process_to_end()
                if outcome.is_interrupted and held < _MOST_ATTEMPTS:
                    _log.warning("run.interrupted", run_id=run_id, attempt=held)
                    continue
                if attempt.has_launched and outcome.was_cut_off:
                    await self._unlock(run_id, held)
                finish = attempt.recorder.finish
                return await asyncio.to_thread(finish, outcome, has_launched=attempt.has_launched)
            except AttemptLostError:
                _log.warning("run.attempt_lost", run_id=run_id)
                return "taken over"
            except Exception as error:
                if self._is_stopping:
                    await _wait_for_the_process_to_end()
                if is_outage(error):
                    # Nothing can be recorded now, and nothing of the attempt runs any more.
                    _log.warning("run.database_lost", run_id=run_id, reason=type(error).__name__)
                    await asyncio.sleep(_DATABASE_PAUSE_SECONDS)
                elif failure is not None:
                    raise  # the search for stranded runs tries again
                else:
                    # It would be met again and again: the run ends, else it would hold its project for ever.
                    _log.exception("run.failed", run_id=run_id)
                    failure = failure_of(error)
                    if held is not None:
                        await self._unlock(run_id, held)

    def ping(self) -> None:
        """Tell the children that this worker lives and holds its runs."""
        self.launcher.ping()

    def cancel(self, run_id: str) -> None:
        """End a run that is carried out here; what clears up after its playbook goes on."""
        if run_id not in self._unlocking:
            self.launcher.cancel(run_id)

    def cancel_waiting(self, run_id: str) -> bool:
        """End a run nobody has begun; False when somebody was faster."""
        with unit_of_work(self._engine) as session:
            self._lock_project(session, run_id)
            run = attempts.claim_waiting(session, run_id, self.executor_id)
            if run is None:
                return False
            _note_attempt(session, run)
            recorder = begin_recorder(session, self._engine, run)
        recorder.announce()
        recorder.finish(LaunchOutcome("canceled", "The run was canceled."), has_launched=False)
        return True

    def stop(self) -> list[str]:
        """End all children; the ids of the runs that are interrupted by it."""
        self._is_stopping = True
        return self.launcher.stop()

    def _begin(self, run_id: str, held: int | None) -> _Attempt | None:
        """The next attempt of a run: it must follow the one that this worker held, if it held one."""
        with unit_of_work(self._engine) as session:
            # Before anything of it is read: what is wished meanwhile would be noted as applied by this attempt.
            self._lock_project(session, run_id)
            living = repository.list_living(session, self._settings.worker_dead_seconds)
            run = attempts.begin(session, run_id, self.executor_id, self._commit, last=held, living=living)
            if run is None:
                return None
            _note_attempt(session, run)
            recorder = begin_recorder(session, self._engine, run)
            request, refusal = self._prepare(session, run)
        return _Attempt(run, recorder, request, refusal)

    def _lock_project(self, session: Session, run_id: str) -> None:
        run = attempts.find_unfinished(session, run_id)
        if run is not None:
            lock_project_of(session, run)

    def _prepare(self, session: Session, run: Run) -> tuple[LaunchRequest | None, LaunchOutcome | None]:
        """What to launch, or why nothing is launched."""
        if run.cancel_requested_at is not None:
            return None, LaunchOutcome("canceled", "The run was canceled.")
        if run.attempt > _MOST_ATTEMPTS:
            return None, LaunchOutcome("error", f"The run was cut off {_MOST_ATTEMPTS} times and is not begun again.")
        try:
            return self._request(session, run), None
        except (AppError, LookupError, OSError, ValueError) as error:
            _log.exception("run.inputs_failed", run_id=run.id)
            return None, LaunchOutcome("error", f"The run could not be prepared: {error}")

    def _request(self, session: Session, run: Run) -> LaunchRequest:
        return launch_request(
            self._inputs(session, run),
            _facts(run),
            RunKind(run.kind).playbook,
            run.options,
            self._settings,
            attempt=run.attempt,
            functions=self._functions(session, run),
        )

    def _inputs(self, session: Session, run: Run) -> dict[str, Any]:
        if run.options.get("orphan"):
            return projects.orphan_inputs(session, run.project_ref, run.host, self._settings)
        return projects.run_inputs(session, run.project_ref, self._settings)

    def _functions(self, session: Session, run: Run) -> FunctionFiles | None:
        if RunKind(run.kind) not in GENERATION_KINDS:
            return None
        index, files = projects.function_files(session, run.project_ref)
        return FunctionFiles(index, files)

    async def _attempt(self, attempt: _Attempt) -> LaunchOutcome:
        await asyncio.to_thread(attempt.recorder.announce)
        if attempt.request is None:
            return attempt.refusal or LaunchOutcome("error", "The run had nothing to launch.")
        launcher = self.launcher
        if attempt.run.attempt > 1:
            # The last attempt may have been cut off without a chance to end its processes.
            await asyncio.to_thread(launcher.sweep, attempt.run.id)
        storing = asyncio.create_task(attempt.recorder.store_while_open())
        launching = asyncio.create_task(launcher.launch(attempt.request, attempt.recorder.take))
        try:
            await asyncio.wait({storing, launching}, return_when=asyncio.FIRST_COMPLETED)
            if storing.done() and storing.exception() is not None:
                # This attempt may no longer write: its playbook must not go on either.
                launcher.cancel(attempt.run.id)
            outcome = await self._settled(launching)
        finally:
            attempt.recorder.close()
            await storing
        return outcome

    async def _unlock(self, run_id: str, attempt: int) -> None:
        """Give back what a playbook that was cut off holds on its host; when that fails, its lock lapses as ever.

        Nothing is done for an attempt that was lost: its lock is that of the next one.
        """
        self._unlocking.add(run_id)
        try:
            request = await asyncio.to_thread(self._unlock_request, run_id, attempt)
            if request is not None:
                outcome = await self.launcher.launch(request, lambda _event: None)
                if outcome.status != "successful":
                    _log.warning("run.unlock_failed", run_id=run_id, reason=outcome.explanation)
        except Exception as error:  # whatever it is, the run ends as it would have
            _log.warning("run.unlock_failed", run_id=run_id, reason=type(error).__name__)
        finally:
            self._unlocking.discard(run_id)
        if self._is_stopping:
            await _wait_for_the_process_to_end()

    def _unlock_request(self, run_id: str, attempt: int) -> LaunchRequest | None:
        with reading(self._engine) as session:
            run = attempts.find_unfinished(session, run_id, attempt)
            if run is None or RunKind(run.kind).lane is not Lane.CHANGE:
                return None
            inputs = {**self._inputs(session, run), "secrets": {}}
        return launch_request(
            inputs, _facts(run), _UNLOCKING, {}, self._settings, attempt=run.attempt, timeout_seconds=_UNLOCK_SECONDS
        )

    async def _settled(self, launching: "asyncio.Task[LaunchOutcome]") -> LaunchOutcome:
        try:
            return await launching
        except (OSError, RuntimeError, ValueError) as error:
            if self._is_stopping:
                return LaunchOutcome("error", "The service is shutting down.", is_interrupted=True)
            _log.exception("run.launch_failed")
            return LaunchOutcome("error", f"The playbook could not be started: {error}")

    @property
    def launcher(self) -> PlaybookLauncher:
        """Starts this worker's playbooks.

        Raises:
            RuntimeError: the worker has no name yet.
        """
        if self._launcher is None:
            raise RuntimeError("the worker has no name yet: start the job engine first")
        return self._launcher


def _facts(run: Run) -> dict[str, str]:
    """What a playbook is told of its run."""
    return {"id": run.id, "kind": run.kind, "actor": run.actor, "driver": run.driver}


async def _wait_for_the_process_to_end() -> None:
    """Whoever returns or raises while the service stops ends the job for good."""
    await asyncio.Event().wait()


def _note_attempt(session: Session, run: Run) -> None:
    """A run counts as an attempt at all that is wished, also when it comes to nothing: else it is asked for again."""
    if RunKind(run.kind) in GENERATION_KINDS:
        attempts.note_generation(session, run, projects.note_attempt(session, run.project_ref) or 0)


def playbooks_commit() -> str:
    """The commit the playbooks are at, or the version of the package they came with."""
    root = content_root()
    if (root / ".git").exists():
        answer = subprocess.run(  # noqa: S603 - a list of our own words, no shell
            ["git", "-C", str(root), "rev-parse", "--verify", "--quiet", "HEAD"],  # noqa: S607 - wherever it is
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode == 0:
            return answer.stdout.strip()
    return f"supafleet {version('supafleet')}"
