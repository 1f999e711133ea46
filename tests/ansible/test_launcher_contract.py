"""The contract of a launcher, held against ansible-runner and against the scripted one."""

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from supafleet.runner.fake import FakeLauncher, fails_on, hangs, succeeds
from supafleet.runner.launcher import PlaybookLauncher
from supafleet.runs.vocabulary import EventKind
from tests.ansible.launching import RUN_ID, launch, real_launcher, request


@dataclass
class Subject:
    launcher: PlaybookLauncher
    good: str
    bad: str
    long: str


@pytest.fixture(params=["ansible-runner", "scripted"])
def subject(request: pytest.FixtureRequest, memory: Path, owner: str) -> Subject:
    if request.param == "scripted":
        scripts = {"good": succeeds(), "bad": fails_on("Give up", "service db ended with exit code 1"), "long": hangs()}
        return Subject(FakeLauncher(**scripts), "good.yml", "bad.yml", "long.yml")
    return Subject(real_launcher(memory, owner=owner), "retries.yml", "fails.yml", "sleeps.yml")


def test_a_run_that_goes_well(subject: Subject) -> None:
    outcome, events = launch(subject.launcher, request(subject.good))

    assert (outcome.status, outcome.explanation) == ("successful", None)
    observed = [event for event in events if event.kind is EventKind.SERVICES_OBSERVED]
    assert {facts["phase"] for facts in (observed[-1].services or {}).values()} == {"healthy"}
    checks = next(event for event in events if event.kind is EventKind.CHECKS_REPORTED)
    assert [check["ok"] for check in (checks.detail or {})["checks"]] == [True]
    assert all(event.phase for event in events)


def test_a_run_that_fails_tells_the_sentence(subject: Subject) -> None:
    outcome, events = launch(subject.launcher, request(subject.bad))

    assert outcome.status == "failed"
    assert (outcome.explanation or "").startswith("service db ended with exit code 1")
    assert events[-1].kind is EventKind.TASK_FAILED
    assert events[-1].message == outcome.explanation


def test_a_run_that_is_canceled_ends_soon(subject: Subject) -> None:
    async def scenario() -> str:
        begun = asyncio.Event()
        launching = asyncio.create_task(subject.launcher.launch(request(subject.long), lambda _: begun.set()))
        await asyncio.wait_for(begun.wait(), 20)
        threading.Thread(target=subject.launcher.cancel, args=(RUN_ID,)).start()
        return (await asyncio.wait_for(launching, 15)).status

    assert asyncio.run(scenario()) == "canceled"


def test_canceling_an_unknown_run_does_nothing(subject: Subject) -> None:
    subject.launcher.cancel("no-such-run")
    subject.launcher.ping()
    subject.launcher.sweep("no-such-run")


def test_secrets_are_masked_in_events_and_explanation(subject: Subject) -> None:
    outcome, events = launch(subject.launcher, request(subject.bad, secrets=["service db ended"]))

    assert "service db" not in f"{outcome} {events}"
    assert "********" in (outcome.explanation or "")
