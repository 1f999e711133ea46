"""Docker's log streams as lines in the order of their time, told once each, a piece at a time.

A position says what was told: every line before the time `at`, and of each container the first `seen` lines that carry
exactly this time. So lines of one instant are neither lost nor repeated when an answer ends between them, and a
container that was made anew needs no position of its own: its lines are simply later.
"""

from __future__ import annotations

import calendar
import json
import re
import time

SECOND = 10**9
BEGINNING = "1970-01-01T00:00:00.000000000Z"
# What a line may hold, so that one program without line ends cannot fill an answer.
LONGEST_TEXT = 16_000
# Bytes of the names of a line's fields.
ANSWER_WORDS = 24
MASK = "********"
SHORTEST_SECRET = 6
# A known secret may stand there in another form: URL-encoded Base64 is the longest.
LONGEST_FORM = 4

_SPAN = re.compile(r"(\d{1,9})([smhd])")
_SPAN_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ?")
_STAMP_LENGTH = len(BEGINNING)


def stamp(nanoseconds):
    """A moment (nanoseconds since 1970) as Docker writes it: of one length, so that texts compare like times."""
    seconds, rest = divmod(max(nanoseconds, 0), SECOND)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09d}Z"


def nanoseconds_of(at):
    """The moment of a stamp, in nanoseconds since 1970."""
    return calendar.timegm(time.strptime(at[:19], "%Y-%m-%dT%H:%M:%S")) * SECOND + int(at[20:29])


def read_since(text, now):
    """The moment that V(10m) or an RFC 3339 time means (as a stamp).

    Raises:
        ValueError: it is neither.
    """
    span = _SPAN.fullmatch(text)
    if span:
        return stamp(now - int(span.group(1)) * _SPAN_SECONDS[span.group(2)] * SECOND)
    moment = _MOMENT.fullmatch(text)
    if moment:
        whole, fraction, zone = moment.groups()
        try:
            parsed = time.strptime(whole + zone, "%Y-%m-%dT%H:%M:%S%z")
        except ValueError as error:
            raise ValueError(f"since is {text}: there is no such time") from error
        seconds = calendar.timegm(parsed) - (parsed.tm_gmtoff or 0)
        return stamp(seconds * SECOND + int((fraction or "").ljust(9, "0")))
    raise ValueError(
        f"since is {text}: it must be a span such as 30s, 10m, 2h, 1d, or a time like 2026-01-31T12:00:00Z"
    )


def messages_of(raw):
    """Stream and body of each message: frames of an 8 byte head and a body, or the plain lines of a terminal."""
    if raw[:1] not in (b"\0", b"\1", b"\2") or raw[1:4] != b"\0\0\0":
        return [(1, line + b"\n") for line in raw.split(b"\n") if line]
    found, place = [], 0
    while place + 8 <= len(raw):
        size = int.from_bytes(raw[place + 4 : place + 8], "big")
        found.append((raw[place], raw[place + 8 : place + 8 + size]))
        place += 8 + size
    return found


def lines_of(messages):
    """Time and text of each complete line, in the order of time.

    Docker splits lines of more than 16 kB; the parts are joined, and the line has the time of its last part. A line
    whose end was not written yet is left for the next look.
    """
    lines, pending, at = [], {}, BEGINNING
    for stream, body in messages:
        if _STAMP.match(body):
            at, body = body[:_STAMP_LENGTH].decode(), body[_STAMP_LENGTH + 1 :]
        pending[stream] = pending.get(stream, b"") + body
        if body.endswith(b"\n"):
            lines.append((at, pending.pop(stream).decode(errors="replace").rstrip("\r\n")))
    return sorted(lines, key=lambda line: line[0])


def masked(text, secrets):
    """The text without known secrets, and not longer than a line may be.

    What is cut off could leave the beginning of a secret that nobody recognizes any more, so more than the longest
    form of one is cut off with it.
    """
    for secret in secrets:
        text = text.replace(secret, MASK)
    if len(text) <= LONGEST_TEXT:
        return text
    longest = max((len(secret) for secret in secrets), default=0)
    return text[: max(LONGEST_TEXT - LONGEST_FORM * longest, 0)] + " ... (the line is longer)"


def secrets_to_mask(values):
    """Those that are long enough to be no ordinary word, the longest first."""
    return sorted({value for value in values if len(value) >= SHORTEST_SECRET}, key=lambda value: (-len(value), value))


def unread(found, position, bound):
    """Lines behind the position and before the time `bound`, of all containers, in the order of time.

    Args:
        found: lines of `lines_of` with the container and its service: {container: (service, lines)}.

    Returns:
        list of dict with container, service, at, text.
    """
    merged = []
    for container, (service, lines) in found.items():
        behind = [line for line in lines if position["at"] <= line[0] < bound]
        same = sum(line[0] == position["at"] for line in behind)
        told = min(position["seen"].get(container, 0), same)
        merged += [{"container": container, "service": service, "at": at, "text": text} for at, text in behind[told:]]
    return sorted(merged, key=lambda line: (line["at"], line["service"], line["container"]))


def fitting(lines, most_lines, most_bytes):
    """How many of the lines fit into one answer; one always does."""
    size = 0
    for count, line in enumerate(lines[:most_lines]):
        size += len(json.dumps([line["service"], line["at"], line["text"]])) + ANSWER_WORDS
        if count and size > most_bytes:
            return count
    return min(len(lines), most_lines)


def position_behind(lines, count, position, bound):
    """The position behind the first `count` of the unread lines (list), which were read up to the time `bound`."""
    if count == len(lines):
        return {"at": bound, "seen": {}}
    if not count:
        return position
    at = lines[count - 1]["at"]
    seen = dict(position["seen"]) if position["at"] == at else {}
    for line in lines[:count]:
        if line["at"] == at:
            seen[line["container"]] = seen.get(line["container"], 0) + 1
    return {"at": at, "seen": seen}
