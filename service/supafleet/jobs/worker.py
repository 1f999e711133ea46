"""Carrying out a run: begin an attempt, launch its playbook, store what happens, end it in a named state."""

import asyncio
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from supafleet.content import content_root
from supafleet.db import unit_of_work
from supafleet.errors import AppError
from supafleet.jobs.recorder import Recorder, begin_recorder
from supafleet.projects import service as projects
from supafleet.runner.launcher import FunctionFiles, LaunchRequest, PlaybookLauncher, launcher_of
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runner.redaction import secret_values
from supafleet.runs import attempts
from supafleet.runs.attempts import AttemptLostError
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import GENERATION_KINDS, RunKind
from supafleet.settings import Settings

#: A run whose attempts keep being cut off is not taken up for ever.
_MOST_ATTEMPTS = 10
_DATABASE_PAUSE_SECONDS = 3.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Attempt:
    run: Run
    recorder: Recorder
    request: LaunchRequest | None
    refusal: LaunchOutcome | None = None


class Worker:
    """Carries out the runs of one process."""

    def __init__(self, settings: Settings, engine: Engine, launcher: PlaybookLauncher | None = None) -> None:
        self._settings = settings
        self._engine = engine
        self._given_launcher = launcher
        self._launcher: PlaybookLauncher | None = None
        self._executor_id = ""
        self._commit: str | None = None
        self._is_stopping = False

    def become(self, executor_id: str) -> None:
        """Take a name, and end what the last process of this name left on this machine."""
        self._executor_id = executor_id
        self._commit = playbooks_commit()
        self._launcher = self._given_launcher or launcher_of(self._settings, executor_id)
        self._launcher.sweep()

    async def play(self, run_id: str) -> dict[str, Any]:
        """Carry out a run to its end, over several attempts if they are cut off."""
        while True:
            try:
                attempt = await asyncio.to_thread(self._begin, run_id)
                if attempt is None:
                    return {"status": "ended before"}
                outcome = await self._attempt(attempt)
                if self._is_stopping:
                    # Whoever returns or raises here ends the job for good; the process ends instead.
                    await asyncio.Event().wait()
                if outcome.is_interrupted and attempt.run.attempt < _MOST_ATTEMPTS:
                    _log.warning("run.interrupted", run_id=run_id, attempt=attempt.run.attempt)
                    continue
                return {"status": await asyncio.to_thread(attempt.recorder.finish, outcome)}
            except AttemptLostError:
                _log.warning("run.attempt_lost", run_id=run_id)
                return {"status": "taken over"}
            except DBAPIError as error:
                # The database went away: nothing can be recorded now, and nothing of the attempt runs any more.
                _log.warning("run.database_lost", run_id=run_id, reason=type(error.orig).__name__)
                await asyncio.sleep(_DATABASE_PAUSE_SECONDS)

    def ping(self) -> None:
        """Tell the children that this worker lives and holds its runs."""
        self.launcher.ping()

    def cancel(self, run_id: str) -> None:
        """End a run that is carried out here."""
        self.launcher.cancel(run_id)

    def cancel_waiting(self, run_id: str) -> bool:
        """End a run nobody has begun; False when somebody was faster."""
        with unit_of_work(self._engine) as session:
            run = attempts.claim_waiting(session, run_id, self._executor_id)
            recorder = None if run is None else begin_recorder(session, self._engine, run)
        if recorder is None:
            return False
        recorder.announce()
        recorder.finish(LaunchOutcome("canceled", "The run was canceled."))
        return True

    def stop(self) -> list[str]:
        """End all children; the ids of the runs that are interrupted by it."""
        self._is_stopping = True
        return self.launcher.stop()

    def _begin(self, run_id: str) -> _Attempt | None:
        with unit_of_work(self._engine) as session:
            run = attempts.begin(session, run_id, self._executor_id, self._commit)
            if run is None:
                return None
            recorder = begin_recorder(session, self._engine, run)
            request, refusal = self._prepare(session, run)
            if RunKind(run.kind) in GENERATION_KINDS and request is not None:
                generation = projects.note_attempt(session, run.project_ref)
                attempts.note_generation(session, run, generation or 0)
        recorder.announce()
        return _Attempt(run, recorder, request, refusal)

    def _prepare(self, session: Session, run: Run) -> tuple[LaunchRequest | None, LaunchOutcome | None]:
        """What to launch, or why nothing is launched."""
        if run.cancel_requested_at is not None:
            return None, LaunchOutcome("canceled", "The run was canceled.")
        try:
            return self._request(session, run), None
        except (AppError, LookupError, ValueError) as error:
            _log.exception("run.inputs_failed", run_id=run.id)
            return None, LaunchOutcome("error", f"The run could not be prepared: {error}")

    def _request(self, session: Session, run: Run) -> LaunchRequest:
        if run.options.get("orphan"):
            inputs = projects.orphan_inputs(session, run.project_ref, run.host, self._settings)
        else:
            inputs = projects.run_inputs(session, run.project_ref, self._settings)
        secrets: dict[str, str] = inputs["secrets"]
        facts = {"id": run.id, "kind": run.kind, "actor": run.actor, "driver": run.driver}
        return LaunchRequest(
            run_id=run.id,
            attempt=run.attempt,
            playbook=RunKind(run.kind).playbook,
            installation=self._settings.installation,
            host=inputs["project"]["host"],
            docker_host=inputs["docker_host"],
            project=inputs["project"],
            extra_vars={
                "supafleet_secrets": {run.project_ref: secrets},
                "supafleet_run": facts,
                **run.options,
            },
            secrets=secret_values(secrets),
            functions=self._functions(session, run),
            timeout_seconds=self._settings.run_timeout_seconds,
        )

    def _functions(self, session: Session, run: Run) -> FunctionFiles | None:
        if RunKind(run.kind) not in GENERATION_KINDS:
            return None
        index, files = projects.function_files(session, run.project_ref)
        return FunctionFiles(index, files)

    async def _attempt(self, attempt: _Attempt) -> LaunchOutcome:
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


def playbooks_commit() -> str:
    """The commit the playbooks are at, or the version of the package they came with."""
    root = content_root()
    if (root / ".git").exists():
        answer = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "--verify", "--quiet", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode == 0:
            return answer.stdout.strip()
    return f"supafleet {version('supafleet')}"
