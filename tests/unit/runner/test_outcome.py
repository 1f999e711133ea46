"""Every way a launch can end has its word and its sentence."""

from typing import Any

import pytest

from supafleet.runner.outcome import outcome_of

OUTPUT = ["[WARNING]: x", "ERROR! no such file"]
SILENT = "ansible-playbook ended with code 4 and said nothing."
LATE = "The playbook did not end within 60 seconds."
LEASE = "The playbook was stopped because the service did not answer in time."
AWAY = "The playbook was stopped because the service went away."
KILLED = "The process that ran the playbook was killed."

CASES: list[tuple[dict[str, Any] | None, str | None, str, str | None, bool]] = [
    ({"end": "successful", "rc": 0}, None, "successful", None, False),
    ({"end": "failed", "rc": 2}, "db is sick", "failed", "db is sick", False),
    ({"end": "failed", "rc": 4, "output": OUTPUT}, None, "failed", "ERROR! no such file", False),
    ({"end": "failed", "rc": 4}, None, "failed", SILENT, False),
    ({"end": "timeout", "rc": 254}, None, "timeout", LATE, False),
    ({"end": "canceled", "reason": "canceled"}, None, "canceled", "The run was canceled.", False),
    ({"end": "canceled", "reason": "lease-lost"}, None, "error", LEASE, True),
    ({"end": "canceled", "reason": "parent-died"}, None, "error", AWAY, True),
    ({"end": "error", "problem": "OSError: x"}, None, "error", "OSError: x", False),
    ({"end": "failed", "rc": None}, "db is sick", "error", "The playbook was killed.", True),
    (None, None, "error", KILLED, True),
]


@pytest.mark.parametrize(("end", "failure", "status", "explanation", "is_interrupted"), CASES)
def test_outcomes(
    end: dict[str, Any] | None, failure: str | None, status: str, explanation: str | None, is_interrupted: bool
) -> None:
    outcome = outcome_of(end, failure, 60)

    assert (outcome.status, outcome.explanation, outcome.is_interrupted) == (status, explanation, is_interrupted)
