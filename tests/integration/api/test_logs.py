"""Reading logs through the API: what is asked, what is answered, and what is left when the reader goes."""

import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import anyio
import pytest

from supafleet.projects import logs
from supafleet.runner.fake import FakeLauncher, Script, fails_on, finds_no_container, reads_logs
from supafleet.runs.vocabulary import EventKind
from tests.integration.api.conftest import PASSWORD, Api, wait_for

SECONDS = 20


@pytest.fixture
def ref(live_api: Api) -> str:
    made: str = live_api.create()["ref"]
    wait_for(live_api, made, "ACTIVE_HEALTHY")
    return made


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.split("\n") if line]


def readings(launcher: FakeLauncher) -> list[Any]:
    return [request for request in launcher.requests if request.playbook == "project_logs.yml"]


def at_once(_heard: bytes) -> bool:
    return True


def never(_heard: bytes) -> bool:
    return False


class Listener:
    """A client that takes the answer piece by piece and leaves when it has heard enough."""

    def __init__(self, api: Api, path: str, enough: Callable[[bytes], bool]) -> None:
        self._api = api
        self._path, _, self._query = path.partition("?")
        self._enough = enough
        self.status = 0
        self.heard = b""

    async def listen(self) -> None:
        has_left = anyio.Event()
        sent = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            if sent:
                return sent.pop()
            await has_left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            self.status = message.get("status", self.status)
            self.heard += message.get("body", b"")
            if self._enough(self.heard):
                has_left.set()

        token = self._api.client.headers["Authorization"]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": self._path,
            "raw_path": self._path.encode(),
            "query_string": self._query.encode(),
            "headers": [(b"authorization", str(token).encode())],
            "app": self._api.app,
        }
        await self._api.app(scope, receive, send)


def listen(api: Api, path: str, enough: Callable[[bytes], bool]) -> Listener:
    listener = Listener(api, path, enough)
    portal = api.client.portal
    assert portal is not None
    portal.call(listener.listen)
    return listener


def follow(api: Api, path: str, mark: bytes = b"") -> tuple[Listener, Future[None]]:
    """A client that goes on to listen, and has heard something by now, with `mark` in it."""
    listener = Listener(api, path, never)
    assert api.client.portal is not None
    listening = api.client.portal.start_task_soon(listener.listen)
    until = time.monotonic() + SECONDS
    while not (listener.heard and mark in listener.heard):
        assert time.monotonic() < until
        time.sleep(0.02)
    return listener, listening


def wait_until_over(api: Api) -> None:
    until = time.monotonic() + SECONDS
    while api.app.state.log_readers._open:
        assert time.monotonic() < until, "a reading is still open"
        time.sleep(0.02)


def test_lines_of_all_answers_come_in_order_with_secrets_masked(
    live_api: Api, launcher: FakeLauncher, ref: str
) -> None:
    answers = ([("auth", "one"), ("db", f"password={PASSWORD}!")], [], [("db", "\u2028 three")])
    launcher.scripts["project_logs"] = reads_logs(*answers)
    answer = live_api.client.get(f"/fleet/projects/{ref}/logs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    assert answer.headers["cache-control"] == "no-store"
    told = lines(answer.text)
    assert [(line["service"], line["text"]) for line in told] == [
        ("auth", "one"),
        ("db", "password=********!"),
        ("db", "\u2028 three"),
    ]
    assert set(told[0]) == {"service", "at", "text"}
    assert "\n\n" not in answer.text
    request = readings(launcher)[0]
    assert request.extra_vars["project_logs_tail"] == 100
    assert request.extra_vars["project_logs_cursor"] == request.run_id
    assert len(readings(launcher)) == 1, "a reading that ended well leaves nothing to remove"


def test_reading_is_no_run_and_stores_nothing(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    launcher.scripts["project_logs"] = reads_logs([("auth", "one")])
    assert live_api.client.get(f"/fleet/projects/{ref}/logs").status_code == 200
    runs = live_api.client.get("/fleet/runs", params={"project": ref}).json()
    assert [run["kind"] for run in runs] == ["project_create"]


def test_lines_that_a_run_should_show_are_not_stored(live_api: Api, launcher: FakeLauncher) -> None:
    launcher.scripts["project_create"] = reads_logs([("auth", "never stored")])
    ref = live_api.create()["ref"]
    wait_for(live_api, ref, "INIT_FAILED")
    run = live_api.client.get(f"/fleet/projects/{ref}").json()["run"]["id"]
    events = live_api.client.get(f"/fleet/runs/{run}/events").text
    assert EventKind.LOGS_READ not in events
    assert "never stored" not in events


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("service=db&service=auth", {"services": ["db", "auth"], "tail": 100}),
        ("service=db,auth&tail=0", {"services": ["db", "auth"], "tail": 0}),
        ("since=10m", {"services": [], "tail": 5000, "since": "10m"}),
        ("since=2026-11-22T13:00:00%2B01:00&tail=7", {"tail": 7, "since": "2026-11-22T12:00:00.000000Z"}),
    ],
)
def test_what_is_asked_reaches_the_playbook(
    live_api: Api, launcher: FakeLauncher, ref: str, query: str, expected: dict[str, Any]
) -> None:
    launcher.scripts["project_logs"] = reads_logs([])
    assert live_api.client.get(f"/fleet/projects/{ref}/logs?{query}").status_code == 200
    given = readings(launcher)[0].extra_vars
    assert {name: given[f"project_logs_{name}"] for name in expected} == expected


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("service=nonsense", "service: must be one or more of db, kong, auth"),
        ("service=", "service: must be one or more of"),
        ("tail=-1", "tail: should be greater than or equal to 0"),
        ("tail=5001", "tail: should be less than or equal to 5000"),
        ("since=yesterday", "since: must be a span such as 30s, 10m, 2h or 1d, or a time such as"),
        ("since=2026-11-22T12:00:00", "since: must be a span"),
        ("since=2026-11-22", "since: must be a span"),
        ("follow=maybe", "follow: must be true or false"),
    ],
)
def test_a_wrong_field_is_named(live_api: Api, launcher: FakeLauncher, ref: str, query: str, sentence: str) -> None:
    answer = live_api.client.get(f"/fleet/projects/{ref}/logs?{query}")
    assert answer.status_code == 422
    assert answer.json()["message"].startswith(sentence)
    assert readings(launcher) == []


def test_an_unknown_project_is_not_found(live_api: Api) -> None:
    answer = live_api.client.get("/fleet/projects/nothing/logs")
    assert (answer.status_code, answer.json()) == (404, {"message": "Project 'nothing' does not exist."})


@pytest.mark.parametrize(
    ("script", "status", "message"),
    [
        (fails_on("logs", "Host local cannot be reached: no route"), 502, "Host local cannot be reached: no route"),
        (finds_no_container("project x has no started container"), 404, "project x has no started container"),
    ],
)
def test_a_failure_before_the_first_line_is_an_answer_of_its_own(
    live_api: Api, launcher: FakeLauncher, ref: str, script: Script, status: int, message: str
) -> None:
    launcher.scripts["project_logs"] = script
    answer = live_api.client.get(f"/fleet/projects/{ref}/logs")
    assert (answer.status_code, answer.json()) == (status, {"message": message})
    wait_until_over(live_api)


def test_a_later_failure_is_the_last_line(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    good, bad = reads_logs([("auth", "one")]), fails_on("logs", f"lost with {PASSWORD}")
    launcher.scripts["project_logs"] = Script(events=[*good.events, *bad.events], outcome=bad.outcome)
    told = lines(live_api.client.get(f"/fleet/projects/{ref}/logs").text)
    assert told[0]["text"] == "one"
    assert told[1:] == [{"error": "lost with ********"}]


def test_a_follower_who_leaves_ends_the_playbook_and_what_it_left_on_the_host(
    live_api: Api, launcher: FakeLauncher, ref: str
) -> None:
    launcher.scripts["project_logs"] = reads_logs([("auth", "one")], [("db", "two")], hang=True)
    listener = listen(live_api, f"/fleet/projects/{ref}/logs?follow=true", lambda heard: b"two" in heard)
    assert listener.status == 200
    wait_until_over(live_api)
    reading, ended = readings(launcher)
    assert reading.extra_vars["project_logs_follow"] is True
    assert ended.extra_vars["project_logs_state"] == "ended"
    assert ended.extra_vars["project_logs_cursor"] == reading.run_id
    assert launcher._canceled == {}


def test_a_quiet_follower_hears_an_empty_line(
    live_api: Api, launcher: FakeLauncher, ref: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_QUIET_SECONDS", 0.1)
    launcher.scripts["project_logs"] = reads_logs([("auth", "one")], hang=True)
    listener = listen(live_api, f"/fleet/projects/{ref}/logs?follow=true", lambda heard: heard.endswith(b"\n\n\n"))
    assert len(lines(listener.heard.decode())) == 1
    wait_until_over(live_api)


def test_a_client_that_is_gone_before_the_first_line_leaves_nothing(
    live_api: Api, launcher: FakeLauncher, ref: str
) -> None:
    launcher.scripts["project_logs"] = reads_logs([], hang=True)
    listen(live_api, f"/fleet/projects/{ref}/logs?follow=true", at_once)
    wait_until_over(live_api)


def test_a_reader_who_does_not_read_is_ended(
    live_api: Api, launcher: FakeLauncher, ref: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_MOST_WAITING_ANSWERS", 0)
    launcher.scripts["project_logs"] = reads_logs([("auth", "one")], hang=True)
    answer = live_api.client.get(f"/fleet/projects/{ref}/logs?follow=true")
    assert answer.status_code == 502
    assert answer.json() == {"message": "The reader was slower than the lines came."}
    wait_until_over(live_api)


def test_there_are_only_so_many_readers(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    live_api.settings.log_readers = 1
    launcher.scripts["project_logs"] = reads_logs([("auth", "one")], hang=True)
    _, listening = follow(live_api, f"/fleet/projects/{ref}/logs?follow=true")
    answer = live_api.client.get(f"/fleet/projects/{ref}/logs")
    assert answer.status_code == 409
    assert "log_readers allows (1)" in answer.json()["message"]
    listening.cancel()
    wait_until_over(live_api)
    launcher.scripts["project_logs"] = reads_logs([("auth", "again")])
    assert live_api.client.get(f"/fleet/projects/{ref}/logs").status_code == 200


def test_a_stop_of_the_service_ends_its_readers(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    launcher.scripts["project_logs"] = reads_logs([("auth", "one")], hang=True)
    _, listening = follow(live_api, f"/fleet/projects/{ref}/logs?follow=true")
    assert live_api.client.portal is not None
    live_api.client.portal.call(live_api.app.state.log_readers.stop)
    listening.result(timeout=SECONDS)
    wait_until_over(live_api)
