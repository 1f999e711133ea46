"""Following a run's events over a connection that may drop: none is lost, none comes twice."""

import time
from collections.abc import Callable, Iterator

from pydantic import ValidationError

from supafleet.cli.client import FleetClient
from supafleet.cli.exits import ApiRefusalError, ApiSilentError, ApiUnreachableError, CommandError
from supafleet.cli.shapes import Event

LAST_EVENT = "run.ended"
_PATIENCE_SECONDS = 120.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_TOO_MANY_REQUESTS = 429
_FIRST_SERVER_ERROR = 500
# The stored events of an unfinished run come at once; then the stream falls silent until something happens.
_BACKLOG_SILENCE_SECONDS = 1.0


def parse_events(chunks: Iterator[bytes]) -> Iterator[Event]:
    """Events out of the bytes of a stream; one whose closing blank line never came is not an event.

    Lines end at line feeds only: JSON may hold characters that `str.splitlines` takes for a line's end.
    """
    rest = b""
    data: list[bytes] = []
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in (line.removesuffix(b"\r") for line in lines):
            if line.startswith(b"data:"):
                data.append(line.removeprefix(b"data:").removeprefix(b" "))
            elif not line and data:
                yield _event(b"\n".join(data))
                data = []


def _event(document: bytes) -> Event:
    try:
        return Event.model_validate_json(document)
    except ValidationError as error:
        raise CommandError("the API sent an event that this version does not understand") from error


def follow_events(
    client: FleetClient,
    run_id: str,
    after: int = 0,
    *,
    patience_seconds: float = _PATIENCE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Event]:
    """Every event of a run behind the one numbered `after`, until the run has ended.

    A dropped connection is taken up again behind the last event that came whole. An API that never answered is an
    error at once; one that went away is given `patience_seconds` to come back.
    """
    last = after
    heard_at: float | None = None
    doubted_gap: int | None = None
    pause = _FIRST_PAUSE_SECONDS
    while True:
        seen_before, gap = last, None
        try:
            was_finished = heard_at is not None and client.run(run_id).is_finished
            with client.open_events(run_id, last) as answer:
                heard_at = heard_at or time.monotonic()
                for event in parse_events(answer.iter_bytes()):
                    if event.number <= last:
                        continue
                    if event.number > last + 1 and doubted_gap != last:
                        gap = last
                        break
                    last, heard_at, pause = event.number, time.monotonic(), _FIRST_PAUSE_SECONDS
                    yield event
                    if event.kind == LAST_EVENT:
                        return
            if was_finished and gap is None and last == seen_before:
                return
            heard_at = time.monotonic()
        except ApiSilentError:
            # A long task says nothing; only a stream that breaks is a sign of an API that is gone.
            if heard_at is None:
                raise
            heard_at = time.monotonic()
        except (ApiUnreachableError, ApiRefusalError) as error:
            if not _is_passing(error) or heard_at is None or time.monotonic() - heard_at > patience_seconds:
                raise
        # A gap is believed when the server shows it twice: retention removes old events.
        doubted_gap = gap
        sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _is_passing(error: ApiUnreachableError | ApiRefusalError) -> bool:
    if isinstance(error, ApiUnreachableError):
        return True
    return error.status == _TOO_MANY_REQUESTS or error.status >= _FIRST_SERVER_ERROR


def stored_events(client: FleetClient, run_id: str, after: int = 0) -> Iterator[Event]:
    """The events that a run has so far behind the one numbered `after`; does not wait for more."""
    is_open = False
    try:
        with client.open_events(run_id, after, silence_seconds=_BACKLOG_SILENCE_SECONDS) as answer:
            is_open = True
            yield from parse_events(answer.iter_bytes())
    except ApiSilentError:
        if not is_open:
            raise
