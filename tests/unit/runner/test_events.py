"""What becomes of ansible-runner's events."""

from typing import Any

from supafleet.runner.events import EventTranslator, services_of, split_task_name
from supafleet.runner.redaction import Redactor
from supafleet.runner.reduction import RESULT_LIMIT_BYTES, reduce_event, reduce_result
from supafleet.runs.vocabulary import EventKind

SERVICES = ("db", "kong", "auth")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _observation(**phases: str) -> dict[str, Any]:
    seen = {**dict.fromkeys(SERVICES, "starting"), **phases}
    containers = [
        {
            "project": "demo",
            "service": name,
            "state": "running",
            "restart_count": 1,
            "exit_code": 0,
            "env": ["A=secret"],
        }
        for name in seen
    ]
    networks = [{"name": "demo", "project": "demo", "subnet": "10.213.0.0/24"}, {"name": "x", "project": "other"}]
    return {"containers": containers, "networks": networks, "volumes": [], "phases": seen, "verdict": "waiting"}


def _raw(kind: str, task: str = "watch | Wait", **result: Any) -> dict[str, Any]:
    reduced = reduce_event(
        {
            "event": kind,
            "created": "2026-11-22T12:00:00.500000+00:00",
            "event_data": {"task": task, "host": "demo", "res": result},
        }
    )
    assert reduced is not None
    return reduced


def test_task_names_carry_the_phase() -> None:
    assert split_task_name("watch | Wait for health") == ("watch", "Wait for health")
    assert split_task_name("project_stack : files | Put all files") == ("files", "Put all files")
    assert split_task_name("Gather facts") == (None, "Gather facts")


def test_noise_is_dropped() -> None:
    for kind in (
        "verbose",
        "playbook_on_start",
        "runner_on_start",
        "runner_on_skipped",
        "runner_item_on_ok",
        "warning",
    ):
        assert reduce_event({"event": kind, "event_data": {}}) is None


def test_a_phase_begins_once() -> None:
    translator = EventTranslator("demo", Redactor([]))
    raws = [_raw("playbook_on_task_start", f"{phase} | Something") for phase in ("files", "files", "watch")]

    assert [event.phase for raw in raws for event in translator.translate(raw)] == ["files", "watch"]


def test_a_watch_tells_changes_at_once_and_the_rest_every_two_seconds() -> None:
    clock = Clock()
    translator = EventTranslator("demo", Redactor([]), clock)
    told = []
    for step in range(10):
        clock.now = step * 0.5
        result = _observation(db="healthy") if step >= 3 else _observation()
        told.append(len(translator.translate(_raw("runner_retry", **result))))

    assert told == [1, 0, 0, 1, 0, 0, 0, 1, 0, 0]


def test_the_last_look_is_always_told() -> None:
    translator = EventTranslator("demo", Redactor([]), Clock())
    translator.translate(_raw("runner_retry", **_observation()))

    kinds = [event.kind for event in translator.translate(_raw("runner_on_ok", **_observation()))]
    assert kinds == [EventKind.SERVICES_OBSERVED, EventKind.TASK_OK]


def test_an_observation_counts_only_what_belongs_to_the_project() -> None:
    translator = EventTranslator("demo", Redactor([]))
    observed = translator.translate(_raw("runner_on_ok", **_observation()))[0]

    assert observed.detail is not None
    assert observed.detail["objects"] == 4
    assert observed.services is not None
    assert observed.services["db"]["phase"] == "starting"
    assert observed.services["db"]["restart_count"] == 1
    assert "secret" not in repr(observed)


def test_an_observation_may_stand_in_a_message() -> None:
    translator = EventTranslator("demo", Redactor([]))

    kinds = [event.kind for event in translator.translate(_raw("runner_on_ok", msg=_observation()))]
    assert kinds == [EventKind.SERVICES_OBSERVED, EventKind.TASK_OK]


def test_a_big_observation_is_kept_whole() -> None:
    observation = _observation()
    observation["containers"][0]["oneliner"] = "x" * RESULT_LIMIT_BYTES

    reduced = reduce_result(observation)
    assert len(reduced["observation"]["containers"]) == len(SERVICES)


def test_a_big_result_is_cut() -> None:
    reduced = reduce_result({"msg": "x" * 100_000, "stdout": "y" * 100_000, "lines": ["z"] * 50_000, "rc": 1})

    assert len(repr(reduced)) <= RESULT_LIMIT_BYTES
    assert (reduced["truncated"], reduced["rc"]) == (True, 1)


def test_failures_name_the_reason() -> None:
    translator = EventTranslator("demo", Redactor(["hunter2hunter2"]))
    cases = {
        "service db ended": {"msg": "service db ended", "rc": 1},
        "only stderr": {"msg": "", "stderr": "only stderr\n"},
        "The task failed without saying why.": {},
        "the password is ********": {"msg": "the password is hunter2hunter2"},
    }
    for message, result in cases.items():
        event = translator.translate(_raw("runner_on_failed", **result))[0]
        assert (event.kind, event.message) == (EventKind.TASK_FAILED, message)


def test_an_ignored_failure_is_none() -> None:
    translator = EventTranslator("demo", Redactor([]))
    raw = {**_raw("runner_on_failed", msg="no matter"), "ignored": True}

    assert translator.translate(raw)[0].kind is EventKind.TASK_OK


def test_an_unreachable_host_is_named() -> None:
    translator = EventTranslator("demo", Redactor([]))

    event = translator.translate(_raw("runner_on_unreachable", msg="Connection refused"))[0]
    assert event.message == "Host demo cannot be reached: Connection refused"


def _log_answer(*texts: str) -> dict[str, Any]:
    lines = [{"service": "auth", "at": "2026-11-22T12:00:00.000000000Z", "text": text} for text in texts]
    return {"lines": lines, "services": ["auth"], "is_cut": False, "has_ended": False, "attempts": 1}


def test_log_lines_of_every_answer_are_passed_on_masked() -> None:
    translator = EventTranslator("demo", Redactor(["hunter2hunter2"]), Clock())
    answers = [
        ("runner_retry", _log_answer("one", "the password is hunter2hunter2")),
        ("runner_retry", _log_answer("two")),
        ("runner_retry", _log_answer()),
        ("runner_on_ok", _log_answer("three")),
    ]
    events = [event for kind, answer in answers for event in translator.translate(_raw(kind, "logs | Read", **answer))]

    assert [event.kind for event in events] == [EventKind.LOGS_READ] * 4 + [EventKind.TASK_OK]
    told = [[line["text"] for line in (event.detail or {})["lines"]] for event in events[:4]]
    assert told == [["one", "the password is ********"], ["two"], [], ["three"]]
    assert (events[0].detail or {})["services"] == ["auth"]


def test_log_lines_are_never_cut_by_the_limit_of_other_results() -> None:
    answer = _log_answer(*["é" * 6000] * 4)
    assert reduce_result(answer)["lines"] == answer["lines"]


def test_a_project_without_containers_is_an_empty_answer_and_a_failure() -> None:
    translator = EventTranslator("demo", Redactor([]))
    failed = {"msg": "project demo has no started container", "lines": [], "services": [], "is_cut": False}
    events = translator.translate(_raw("runner_on_failed", **failed))
    assert [event.kind for event in events] == [EventKind.LOGS_READ, EventKind.TASK_FAILED]
    assert events[1].message == "project demo has no started container"


def test_a_secret_across_a_cut_is_not_shown_in_part() -> None:
    secret = "hunter2-hunter2-hunter2"
    redactor = Redactor([secret])
    translator = EventTranslator("demo", redactor)
    for message in ("x" * (limit - 12) + secret + "y" * 200 for limit in (8 * 1024, 16_000)):
        short = translator.translate(_raw("runner_on_failed", msg=message))[0]
        result = {"msg": message, "stdout": "z" * RESULT_LIMIT_BYTES}
        event = {"event": "runner_on_failed", "event_data": {"task": "watch | Wait", "res": result}}
        reduced = reduce_event(event, redactor.text)
        assert reduced is not None
        assert "hunter2" not in repr((short, translator.translate(reduced)))
    tail = translator.translate(_raw("runner_on_failed", stderr=secret + "y" * (4_000 - 12)))[0]
    assert "hunter2" not in repr(tail.detail)


def test_what_no_database_takes_is_replaced() -> None:
    translator = EventTranslator("demo", Redactor([]))
    observation = _observation()
    observation["containers"][0]["image"] = "image\0"

    failed = translator.translate(_raw("runner_on_failed", msg="bytes \0 and \ud800", stderr="\0"))[0]
    seen = translator.translate(_raw("runner_on_ok", **observation))[0]

    message, rest = ascii(failed.message), ascii((failed.detail, seen.services))
    assert message == "'bytes \\ufffd and \\ufffd'"
    assert "\\x00" not in rest


def test_a_container_without_the_label_of_a_service_is_known_by_its_name():
    container = {"project": "demo", "service": "", "name": "somebody", "phase": "healthy"}
    assert services_of({"containers": [container], "phases": {}}, "demo")["somebody"]["phase"] == "healthy"
