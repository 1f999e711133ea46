"""The service that `supafleet up` runs: started detached, known by its pid and start time, stopped by them."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import supafleet
from supafleet.cli.client import is_ready
from supafleet.cli.exits import CommandError, UsageError
from supafleet.cli.serve import listen
from supafleet.content import content_root, files_digest
from supafleet.sandbox import content_digest

_START_SECONDS = 60
_STOP_SECONDS = 30
_LOG_LINES = 15
_DATABASE_VARIABLE = "SUPAFLEET_DATABASE_URL"
_STATE_FIELD, _START_FIELD = 0, 19  # of /proc/<pid>/stat, counted behind the command's name


@dataclass(frozen=True)
class ServiceRecord:
    """Which process is the service. A pid alone would name a stranger after a reboot."""

    pid: int
    started_at_ticks: int
    boot_id: str
    api_url: str
    #: Of the code that it runs (`code_version`); records of before there was this field tell none.
    version: str = ""

    @property
    def port(self) -> int | None:
        """Where it listens."""
        return urlsplit(self.api_url).port

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs."""
        return self.boot_id == _boot_id() and _start_ticks(self.pid) == self.started_at_ticks


def code_version() -> str:
    """Version of this program with digests of what changes more often: its sources, and what sandbox images hold."""
    package = Path(supafleet.__file__).parent
    sources = files_digest(package, package.rglob("*.py"))
    return f"{supafleet.__version__}+{sources}.{content_digest(content_root())}"


class LocalService:
    """The service of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.pid_file = data_dir / "service.pid"
        self.log_file = data_dir / "log" / "service.log"
        self.token_file = data_dir / "owner-token"
        self.database_file = data_dir / "control.sqlite"

    @property
    def may_have_projects(self) -> bool:
        """Whether a service was ever started on this folder."""
        return self.token_file.exists() or self.database_file.exists()

    @property
    def has_database_elsewhere(self) -> bool:
        """Whether what the service knows is not in this folder."""
        return self.token_file.exists() and not self.database_file.exists()

    def running(self) -> ServiceRecord | None:
        """The recorded process, when it is alive."""
        try:
            record = ServiceRecord(**json.loads(self.pid_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return record if record.is_alive else None

    def require_database(self, variables: Mapping[str, str]) -> None:
        """Refuse a start that would make an empty database in the place of the one that the service had.

        Args:
            variables: settings that `start` would be given beside those of this shell.

        Raises:
            UsageError: the database is elsewhere, and the environment does not name it.
        """
        if self.has_database_elsewhere and not {**os.environ, **variables}.get(_DATABASE_VARIABLE):
            raise UsageError(
                f"{_DATABASE_VARIABLE} is not set, and {self.data_dir} holds no control.sqlite: "
                "set it to the database that the service had when it was started before"
            )

    def start(self, host: str, port: int, variables: Mapping[str, str]) -> ServiceRecord:
        """Start the service detached and wait until it says that it is ready.

        Args:
            variables: settings of its environment; they win over those of this shell.

        Raises:
            CommandError: the port is taken, or the service ended, or was not ready in time; with its last log lines.
        """
        # A stranger on the port would answer in the service's place.
        listen(host, port).close()
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "supafleet.cli", "serve"),
            *("--host", host, "--port", str(port), "--data-dir", str(self.data_dir)),
        ]
        with self.log_file.open("ab") as log:
            os.chmod(self.log_file, 0o600)
            # A session of its own: neither Ctrl-C in this terminal nor its end reaches the service.
            process = subprocess.Popen(  # noqa: S603 - this very Python, and a list of words
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.data_dir,
                env={**os.environ, **variables},
            )
        ticks = _start_ticks(process.pid)
        if ticks is None:
            raise self._start_failure("ended at once")
        record = ServiceRecord(process.pid, ticks, _boot_id(), f"http://{host}:{port}", code_version())
        self.pid_file.write_text(json.dumps(asdict(record)), encoding="utf-8")
        deadline = time.monotonic() + _START_SECONDS
        while process.poll() is None:
            if is_ready(record.api_url) and self.token_file.is_file():
                return record
            if time.monotonic() > deadline:
                self.stop()
                raise self._start_failure(f"was not ready within {_START_SECONDS} s")
            time.sleep(0.1)
        self.pid_file.unlink(missing_ok=True)
        raise self._start_failure(f"ended with exit code {process.returncode}")

    def stop(self) -> bool:
        """Stop the recorded process; answers whether there was one.

        Raises:
            CommandError: it does not end, even when killed.
        """
        record = self.running()
        if record is None:
            self.pid_file.unlink(missing_ok=True)
            return False
        with suppress(ProcessLookupError):
            _end(record)
        self.pid_file.unlink(missing_ok=True)
        return True

    def owner_token(self) -> str:
        """The access token that the service made for its first account."""
        try:
            return self.token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise CommandError(f"cannot read {self.token_file}: {error.strerror}") from error

    def _start_failure(self, what: str) -> CommandError:
        lines = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]
        return CommandError(f"the service {what} (log: {self.log_file})", lines=tuple(lines))


def _end(record: ServiceRecord) -> None:
    # The descriptor holds the process, so that its number cannot become another's between look and signal.
    descriptor = os.pidfd_open(record.pid)
    try:
        if not record.is_alive:
            return
        for how in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(descriptor, how)
            if _has_ended(descriptor, record, _STOP_SECONDS):
                return
    finally:
        os.close(descriptor)
    raise CommandError(f"the service (pid {record.pid}) does not end")


def _has_ended(descriptor: int, record: ServiceRecord, seconds: float) -> bool:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(seconds * 1000)) or not record.is_alive


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _start_ticks(pid: int) -> int | None:
    """When a process started, in the kernel's ticks since boot; None when it is gone or only waits to be reaped."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command's name stands in parentheses and may hold anything, parentheses too.
    fields = stat.rpartition(")")[2].split()
    return None if fields[_STATE_FIELD] in "ZX" else int(fields[_START_FIELD])
