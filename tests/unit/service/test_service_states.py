"""Vocabulary, legal transitions and the served status."""

from datetime import UTC, datetime, timedelta

import pytest

from supafleet.errors import IllegalTransition
from supafleet.projects.states import STORED_STATUSES, TRANSITIONS, Observed, Status, move, serve, summarize
from supafleet.stack.settings import SERVICES

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_every_stored_status_has_its_row_and_every_one_can_be_reached_and_left() -> None:
    assert set(TRANSITIONS) == set(STORED_STATUSES)
    reached = set().union(*TRANSITIONS.values())
    assert reached == set(STORED_STATUSES) - {Status.COMING_UP}
    assert [status for status, targets in TRANSITIONS.items() if not targets] == [Status.REMOVED]


def test_staying_is_legal_and_what_the_table_lacks_is_not() -> None:
    assert move("COMING_UP", Status.COMING_UP, verb="stay") == Status.COMING_UP
    assert move("GOING_DOWN", Status.REMOVED, verb="go") == Status.REMOVED
    for current, target in (("REMOVED", Status.ACTIVE_HEALTHY), ("INIT_FAILED", Status.ACTIVE_HEALTHY)):
        with pytest.raises(IllegalTransition, match=current):
            move(current, target, verb="become active")


@pytest.mark.parametrize(
    ("phases", "observed"),
    [
        (dict.fromkeys(SERVICES, "healthy"), Observed.HEALTHY),
        ({**dict.fromkeys(SERVICES, "healthy"), "kong": "restarting"}, Observed.UNHEALTHY),
        ({service: "healthy" for service in SERVICES if service != "kong"}, Observed.UNHEALTHY),
        ({}, Observed.ABSENT),
        (dict.fromkeys(SERVICES, "missing"), Observed.ABSENT),
    ],
)
def test_a_project_is_healthy_when_all_twelve_are(phases: dict[str, str], observed: Observed) -> None:
    assert summarize(phases) == observed


def test_an_old_sighting_is_unknown_with_its_reason_and_only_a_healthy_one_grows_old() -> None:
    minute = timedelta(minutes=1)
    seen = NOON - timedelta(minutes=5)
    served = serve("ACTIVE_HEALTHY", None, seen, now=NOON, deadline=minute)
    assert served.status == Status.UNKNOWN
    assert served.stale_since == seen + minute
    assert served.reason is not None
    assert "11:55:00Z" in served.reason
    assert serve("ACTIVE_HEALTHY", None, NOON, now=NOON, deadline=minute).status == Status.ACTIVE_HEALTHY
    failed = serve("INIT_FAILED", "db died", seen, now=NOON, deadline=minute)
    assert (failed.status, failed.reason, failed.stale_since) == (Status.INIT_FAILED, "db died", None)
