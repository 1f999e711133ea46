"""Exit codes, and the errors that end a command with one of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """What the process answers its caller; a part of the interface, as stable as a command's name."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_FOUND = 4
    CONFLICT = 5
    INTERRUPTED = 130


EXIT_MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "the run failed, the API refused the request, or something is not as it should be",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.UNREACHABLE: "the API cannot be reached",
    ExitCode.NOT_FOUND: "no such project, run or token",
    ExitCode.CONFLICT: "something else is in the way: a run that holds the project, a taken name, another service",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C; a run that was watched goes on",
}

_CODE_OF_STATUS = {404: ExitCode.NOT_FOUND, 409: ExitCode.CONFLICT}


class CommandError(Exception):
    """Ends the command with one sentence and an exit code; `lines` are printed below it as they are.

    With `--json` the error becomes a field of `document`; None says that standard output is not one document.
    """

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.FAILED, lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.lines = lines
        self.document: dict[str, Any] | None = {}


class UsageError(CommandError):
    """The command line asks for something that cannot be."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ExitCode.USAGE)


class ApiUnreachableError(CommandError):
    """No answer came from the API."""

    def __init__(self, api_url: str, reason: str) -> None:
        super().__init__(f"cannot reach the API at {api_url}: {reason}", ExitCode.UNREACHABLE)


class ApiSilentError(ApiUnreachableError):
    """The API was reached and then said nothing for too long."""


class ApiRefusalError(CommandError):
    """The API answered with an error; its own sentence is the message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message, _CODE_OF_STATUS.get(status, ExitCode.FAILED))
        self.status = status


class DetachedError(CommandError):
    """Ctrl-C while a run was watched: the run goes on without us."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"stopped watching; the run goes on. See the rest with: supafleet run events {run_id} -f",
            ExitCode.INTERRUPTED,
        )


@contextmanager
def documented_by(document: dict[str, Any] | None) -> Iterator[None]:
    """Have an error of the block carry what the command already knows, so that `--json` still tells it."""
    try:
        yield
    except CommandError as error:
        error.document = document
        raise
