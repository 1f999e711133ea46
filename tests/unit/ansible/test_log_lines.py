"""Docker's log streams: told in order, once each, in pieces of any size; and the file that says where to go on."""

import json
import os
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FIRST = "2026-11-22T12:00:00."
BOUND = "2026-11-22T12:00:09.000000000Z"
BEGINNING = {"at": "1970-01-01T00:00:00.000000000Z", "seen": {}}
Found = dict[str, tuple[str, list[tuple[str, str]]]]


def at(number: int) -> str:
    return f"{FIRST}{number:09d}Z"


def frame(body: str, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(body.encode()).to_bytes(4, "big") + body.encode()


def lines(log_lines: ModuleType, raw: bytes) -> Any:
    return log_lines.lines_of(log_lines.messages_of(raw))


def test_frames_of_both_streams_become_lines_in_the_order_of_time(log_lines: ModuleType) -> None:
    raw = frame(f"{at(2)} two\n", 2) + frame(f"{at(1)} one | é\r\n") + frame(f"{at(3)} \n")
    assert lines(log_lines, raw) == [(at(1), "one | é"), (at(2), "two"), (at(3), "")]


def test_a_terminals_stream_has_no_frames(log_lines: ModuleType) -> None:
    assert lines(log_lines, f"{at(1)} one\n{at(2)} two\n".encode()) == [(at(1), "one"), (at(2), "two")]


def test_a_long_line_is_joined_over_the_other_stream_and_an_unfinished_one_waits(log_lines: ModuleType) -> None:
    raw = frame(f"{at(1)} aaa") + frame(f"{at(2)} other\n", 2) + frame(f"{at(3)} bbb\n") + frame(f"{at(4)} unfinished")
    assert lines(log_lines, raw) == [(at(2), "other"), (at(3), "aaabbb")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", "1970-01-01T00:58:30.000000000Z"),
        ("1h", "1970-01-01T00:00:00.000000000Z"),
        ("9d", "1970-01-01T00:00:00.000000000Z"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000000Z"),
        ("2026-01-31T12:00:00.25+01:30", "2026-01-31T10:30:00.250000000Z"),
        ("2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.123456789Z"),
    ],
)
def test_since_is_a_span_or_a_time(log_lines: ModuleType, text: str, expected: str) -> None:
    assert log_lines.read_since(text, 3600 * 10**9) == expected
    assert log_lines.stamp(log_lines.nanoseconds_of(expected)) == expected


@pytest.mark.parametrize(
    "text", ["yesterday", "10", "10w", "2026-01-31", "2026-01-31T12:00:00", "2026-13-31T12:00:00Z"]
)
def test_another_since_is_refused_with_what_is_allowed(log_lines: ModuleType, text: str) -> None:
    with pytest.raises(ValueError, match=f"since is {text}"):
        log_lines.read_since(text, 0)


def two_containers() -> Found:
    """Lines of equal times within a container and across two."""
    first = [(at(number), f"a{index}") for index, number in enumerate((1, 2, 2, 2, 3, 5))]
    second = [(at(number), f"b{index}") for index, number in enumerate((2, 2, 3, 4, 5))]
    return {"one": ("auth", first), "two": ("db", second)}


@pytest.mark.parametrize("most_lines", range(1, 13))
def test_pieces_of_any_size_neither_lose_nor_repeat_a_line(log_lines: ModuleType, most_lines: int) -> None:
    found = two_containers()
    position: dict[str, Any] = dict(BEGINNING)
    texts: list[str] = []
    for _ in range(20):
        unread = log_lines.unread(found, position, BOUND)
        count = log_lines.fitting(unread, most_lines, 10_000)
        assert count <= most_lines
        texts += [line["text"] for line in unread[:count]]
        position = log_lines.position_behind(unread, count, position, BOUND)
    assert texts == ["a0", "a1", "a2", "a3", "b0", "b1", "a4", "b2", "b3", "a5", "b4"]
    assert position == {"at": BOUND, "seen": {}}


def test_a_line_at_the_bound_is_told_by_the_next_look(log_lines: ModuleType) -> None:
    found = {"one": ("auth", [(at(1), "before"), (BOUND, "at")])}
    unread = log_lines.unread(found, BEGINNING, BOUND)
    assert [line["text"] for line in unread] == ["before"]
    position = log_lines.position_behind(unread, 1, BEGINNING, BOUND)
    later = log_lines.unread(found, position, "2026-11-22T12:00:10.000000000Z")
    assert [line["text"] for line in later] == ["at"]


def test_a_container_made_anew_goes_on_where_the_old_one_ended(log_lines: ModuleType) -> None:
    position = {"at": at(3), "seen": {"old": 1}}
    found = {"new": ("auth", [(at(3), "first"), (at(4), "second")])}
    assert [line["text"] for line in log_lines.unread(found, position, BOUND)] == ["first", "second"]


def test_a_log_that_was_rotated_away_is_no_error(log_lines: ModuleType) -> None:
    position = {"at": at(3), "seen": {"one": 2}}
    assert log_lines.unread({"one": ("auth", [(at(4), "later")])}, position, BOUND)[0]["text"] == "later"
    assert log_lines.position_behind([], 0, position, BOUND) == {"at": BOUND, "seen": {}}


def test_bytes_bound_an_answer_but_one_line_always_fits(log_lines: ModuleType) -> None:
    big = [{"container": "c", "service": "db", "at": at(number), "text": "x" * 10_000} for number in range(5)]
    assert log_lines.fitting(big, 500, 24_000) == 2
    assert log_lines.fitting(big, 500, 100) == 1
    assert log_lines.fitting(big, 3, 10**6) == 3
    assert log_lines.fitting([], 500, 24_000) == 0


def test_secrets_are_masked_before_a_line_is_cut(log_lines: ModuleType) -> None:
    secret = "topSecretValue"
    secrets = log_lines.secrets_to_mask([secret, "short", secret])
    assert secrets == [secret]
    assert log_lines.masked(f"a {secret} b", secrets) == "a ******** b"
    encoded = "dG9wU2VjcmV0VmFsdWU="
    longest = log_lines.LONGEST_TEXT
    for offset in range(len(encoded)):
        text = log_lines.masked("x" * (longest - offset) + encoded + "y" * 100, secrets)
        assert len(text) < longest
        assert "dG9" not in text


def test_the_cursor_is_private_and_goes_on_until_it_is_ended(log_cursor: ModuleType, tmp_path: Path) -> None:
    cursor = log_cursor.LogCursor(str(tmp_path), "logs-1")
    assert cursor.load() is None
    cursor.begin({"at": at(1), "seen": {}})
    path = tmp_path / "cursors" / "logs-1.json"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert cursor.save({"at": at(2), "seen": {"one": 1}})
    assert cursor.load() == json.loads(path.read_text()) == {"at": at(2), "seen": {"one": 1}}
    cursor.end()
    cursor.end()
    assert list(path.parent.iterdir()) == []
    assert not cursor.save({}), "a reading that was ended does not come back"
    assert not path.exists()


def test_cursors_of_killed_readings_go_after_a_day(log_cursor: ModuleType, tmp_path: Path) -> None:
    for name, age in (("old", 90_000), ("young", 3600)):
        log_cursor.LogCursor(str(tmp_path), name).begin({})
        moment = time.time() - age
        os.utime(tmp_path / "cursors" / f"{name}.json", (moment, moment))
    log_cursor.LogCursor(str(tmp_path), "new").begin({})
    assert sorted(path.stem for path in (tmp_path / "cursors").iterdir()) == ["new", "young"]


def test_without_an_id_nothing_is_kept_and_no_id_leaves_the_folder(log_cursor: ModuleType, tmp_path: Path) -> None:
    cursor = log_cursor.LogCursor(str(tmp_path), None)
    cursor.begin({})
    assert (cursor.load(), cursor.save({}), list(tmp_path.iterdir())) == (None, False, [])
    for name in ("../x", "a/b", ".hidden", "a" * 65):
        with pytest.raises(ValueError, match="cursor must be"):
            log_cursor.LogCursor(str(tmp_path), name)
