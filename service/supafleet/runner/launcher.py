"""Launching a playbook: the protocol, and the real launcher that starts one child process per run."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from supafleet.content import content_root
from supafleet.runner import private_data, processes
from supafleet.runner.events import EventTranslator
from supafleet.runner.extra_vars import dump_unsafe
from supafleet.runner.inventory import inventory_file
from supafleet.runner.outcome import LaunchOutcome, outcome_of
from supafleet.runner.patience import Patience
from supafleet.runner.redaction import Redactor
from supafleet.runs.vocabulary import EventKind, RunEvent
from supafleet.settings import KILLING_SECONDS, Settings

#: What the child itself complains of, such as a broken installation.
_ERRORS = "child.err"
_LAST_WORDS = 2000
#: Ids of launches that are no runs: nothing is stored of them, and nobody takes them up.
LOOK_PREFIX = "look-"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class FunctionFiles:
    """Edge functions on their way to a host: the index that the main service reads, and files by path."""

    index: str
    files: dict[str, bytes]


@dataclass(frozen=True)
class LaunchRequest:
    """Everything one attempt needs.

    `project` is None when the run is about the Docker host itself. `secrets` are the values that must never be shown.
    `functions` are the deployed edge functions; None leaves alone what is deployed.
    """

    run_id: str
    attempt: int
    playbook: str
    installation: str
    host: str
    docker_host: dict[str, Any]
    project: dict[str, Any] | None = None
    extra_vars: dict[str, Any] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list, repr=False)
    functions: FunctionFiles | None = field(default=None, repr=False)
    timeout_seconds: float = 1200
    verbosity: int = 0

    @property
    def project_ref(self) -> str | None:
        """The project that the run is about."""
        return None if self.project is None else str(self.project["ref"])


class PlaybookLauncher(Protocol):
    """Runs playbooks. One instance serves all runs of a process."""

    async def launch(self, request: LaunchRequest, on_event: Callable[[RunEvent], None]) -> LaunchOutcome:
        """Run the playbook to its end; `on_event` is called on the loop's thread."""

    def cancel(self, run_id: str) -> None:
        """Ask a run to end; `launch` then returns `canceled` once nothing of it is left."""

    def ping(self) -> None:
        """Tell all children that the worker is alive and owns its runs."""

    def stop(self) -> list[str]:
        """End all children now; the ids of the runs that were interrupted."""

    def sweep(self, run_id: str | None = None) -> None:
        """End what dead attempts left on this machine: of one run, or all of this owner."""


@dataclass(frozen=True)
class LauncherSettings:
    """How children are started and how long they live without a word from us."""

    run_directory: Path
    owner: str
    lease_seconds: float = 35
    grace_seconds: float = 8
    playbooks: Path | None = None

    @property
    def playbook_directory(self) -> Path:
        return self.playbooks or content_root() / "playbooks"


def launcher_of(settings: Settings, owner: str) -> "AnsibleRunnerLauncher":
    """The launcher that the service's settings ask for; `owner` names the process whose children it starts."""
    return AnsibleRunnerLauncher(
        LauncherSettings(
            run_directory=private_data.run_directory(settings.run_dir, settings.data_dir),
            owner=owner,
            lease_seconds=settings.worker_lease_seconds,
            grace_seconds=settings.run_grace_seconds,
        )
    )


class AnsibleRunnerLauncher:
    """Starts `supafleet.runner.child`, which runs ansible-runner, and reads its events."""

    def __init__(self, settings: LauncherSettings) -> None:
        self._settings = settings
        self._children: dict[str, subprocess.Popen[str]] = {}
        self._patience: dict[str, Patience] = {}
        self._lock = threading.Lock()
        self._is_stopping = False

    async def launch(self, request: LaunchRequest, on_event: Callable[[RunEvent], None]) -> LaunchOutcome:
        """Run one attempt in a child process of its own."""
        base = self._settings.run_directory
        with private_data.private_data_dir(
            base, owner=self._settings.owner, run_id=request.run_id, attempt=request.attempt
        ) as folder:
            spec = self._write(folder, request)
            redactor = Redactor(request.secrets)
            loop = asyncio.get_running_loop()
            lines: asyncio.Queue[str | None] = asyncio.Queue()
            child = self._start(spec, folder, request.run_id)
            reader = threading.Thread(target=_read_lines, args=(child, loop, lines), daemon=True)
            reader.start()
            patience = Patience(request.timeout_seconds, self._settings.grace_seconds + KILLING_SECONDS)
            self._patience[request.run_id] = patience
            try:
                return await self._follow(request, redactor, lines, on_event, folder / _ERRORS, patience)
            finally:
                del self._patience[request.run_id]
                await asyncio.to_thread(self._finish, request.run_id, child)

    async def _follow(
        self,
        request: LaunchRequest,
        redactor: Redactor,
        lines: "asyncio.Queue[str | None]",
        on_event: Callable[[RunEvent], None],
        errors: Path,
        patience: Patience,
    ) -> LaunchOutcome:
        translator = EventTranslator(request.project_ref, redactor)
        end: dict[str, Any] | None = None
        failure: str | None = None
        try:
            async with patience.limit:
                while (line := await lines.get()) is not None:
                    if not line.endswith("\n"):
                        break  # the child was killed while it wrote
                    message = json.loads(line)
                    if "end" in message:
                        end = message
                        continue
                    for event in translator.translate(message):
                        if event.kind is EventKind.TASK_FAILED:
                            failure = event.message
                        on_event(event)
        except TimeoutError:
            if not patience.limit.expired():
                raise
            end = end or patience.last_word()
        outcome = outcome_of(end, failure, request.timeout_seconds)
        if end is None and (last_words := errors.read_text(errors="replace").strip()):
            last_words = redactor.text(last_words)[-_LAST_WORDS:]
            outcome = replace(outcome, explanation=f"{outcome.explanation}\n{last_words}")
        return replace(outcome, explanation=redactor.value(outcome.explanation))

    def cancel(self, run_id: str) -> None:
        """Tell the child; it ends its playbook gently and then everything below it."""
        self._say(run_id, "cancel\n")
        if (patience := self._patience.get(run_id)) is not None:
            patience.cancel()

    def ping(self) -> None:
        """Keep the leases of all children."""
        with self._lock:
            run_ids = list(self._children)
        for run_id in run_ids:
            self._say(run_id, "ping\n")

    def stop(self) -> list[str]:
        """End all children: they end their own descendants when their standard input closes."""
        with self._lock:
            self._is_stopping = True
            children = dict(self._children)
        for child in children.values():
            if child.stdin is not None:
                with contextlib.suppress(OSError):
                    child.stdin.close()
        for run_id, child in children.items():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=self._settings.grace_seconds + 3)
            self._kill_rest(run_id)
        return [run_id for run_id in children if not run_id.startswith(LOOK_PREFIX)]

    def sweep(self, run_id: str | None = None) -> None:
        """Kill marked processes, then remove their folders (they hold secrets)."""
        if run_id is None:
            processes.kill_marked(processes.OWNER_MARKER, self._settings.owner)
        else:
            processes.kill_marked(processes.RUN_MARKER, run_id)
        private_data.sweep(self._settings.run_directory, owner=self._settings.owner, run_id=run_id)

    def _say(self, run_id: str, line: str) -> None:
        with self._lock:
            child = self._children.get(run_id)
        if child is not None and child.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                child.stdin.write(line)
                child.stdin.flush()

    def _write(self, folder: Path, request: LaunchRequest) -> Path:
        inventory = folder / "inventory" / "supafleet.yml"
        projects = {} if request.project is None else {request.project["ref"]: request.project}
        private_data.write_private(
            inventory, inventory_file(request.installation, request.host, request.docker_host, projects)
        )
        extra_vars = dict(request.extra_vars)
        if request.functions is not None:
            # Code goes through no variable: a task copies this file to the host when something is missing there.
            archive = folder / "functions.tar.gz"
            private_data.write_archive(archive, request.functions.files)
            extra_vars["supafleet_functions"] = {"index": request.functions.index, "archive": str(archive)}
        private_data.write_private(folder / "env" / "extravars", dump_unsafe(extra_vars))
        spec = folder / "spec.json"
        facts = {
            "private_data_dir": str(folder),
            "project_dir": str(self._settings.playbook_directory.parent),
            "playbook": str(self._settings.playbook_directory / request.playbook),
            "inventory": str(inventory),
            "limit": request.project_ref or request.host,
            "verbosity": request.verbosity,
            "timeout_seconds": request.timeout_seconds,
            "ident": f"{request.run_id}-{request.attempt}",
            "lease_seconds": self._settings.lease_seconds,
            "grace_seconds": self._settings.grace_seconds,
            "secrets": request.secrets,
        }
        private_data.write_private(spec, json.dumps(facts))
        return spec

    def _start(self, spec: Path, folder: Path, run_id: str) -> subprocess.Popen[str]:
        with self._lock:
            if self._is_stopping:
                raise RuntimeError("the service is shutting down and starts no run any more")
            with open(folder / _ERRORS, "wb") as errors:
                child = subprocess.Popen(  # noqa: S603 - this very Python, and a list of words
                    [sys.executable, "-m", "supafleet.runner.child", str(spec)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    bufsize=1,
                    cwd=folder,
                    env=self._environment(folder, run_id),
                    start_new_session=True,
                )
            self._children[run_id] = child
        return child

    def _environment(self, folder: Path, run_id: str) -> dict[str, str]:
        """Nothing is inherited: ansible-runner writes the whole environment to a file."""
        return {
            "PATH": f"{Path(sys.executable).parent}:{_SYSTEM_PATH}",
            "HOME": str(folder / "home"),
            # The sign-ins of `docker login` and plugins of the person who runs the service, as in a direct run.
            "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker"),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "TMPDIR": str(folder / "tmp"),
            "ANSIBLE_CONFIG": str(self._settings.playbook_directory.parent / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
            # ansible-runner would switch it off unless it is set.
            "ANSIBLE_HOST_KEY_CHECKING": os.environ.get("ANSIBLE_HOST_KEY_CHECKING", "True"),
            "PYTHONUNBUFFERED": "1",
            processes.RUN_MARKER: run_id,
            processes.OWNER_MARKER: self._settings.owner,
        }

    def _finish(self, run_id: str, child: subprocess.Popen[str]) -> None:
        """The child is at its end or is made to be; nothing of the attempt outlives this."""
        if child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.close()
        try:
            child.wait(timeout=self._settings.grace_seconds + 3)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        self._kill_rest(run_id)
        with self._lock:
            self._children.pop(run_id, None)

    def _kill_rest(self, run_id: str) -> None:
        # A child that was itself killed could not end its descendants.
        processes.kill_marked(processes.RUN_MARKER, run_id)


def _read_lines(
    child: "subprocess.Popen[str]", loop: asyncio.AbstractEventLoop, lines: "asyncio.Queue[str | None]"
) -> None:
    """Hand the child's lines to the loop; its own thread, so that a busy loop never blocks the playbook for long."""
    with contextlib.suppress(RuntimeError, ValueError, OSError):
        if child.stdout is not None:
            for line in child.stdout:
                loop.call_soon_threadsafe(lines.put_nowait, line)
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(lines.put_nowait, None)
