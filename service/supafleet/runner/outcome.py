"""How a launch ended, in one word and one sentence."""

from dataclasses import dataclass
from typing import Any, Literal

OutcomeStatus = Literal["successful", "failed", "canceled", "timeout", "error"]


@dataclass(frozen=True)
class LaunchOutcome:
    """The end of one attempt. `explanation` is None exactly when it was successful.

    `is_interrupted` says that the attempt was cut off from outside, so that running again may well succeed.
    """

    status: OutcomeStatus
    explanation: str | None = None
    is_interrupted: bool = False

    @property
    def was_cut_off(self) -> bool:
        """Whether the playbook did not come to its own end, where it gives back what it holds on the host."""
        return self.status in ("canceled", "timeout", "error")


def outcome_of(end: dict[str, Any] | None, failure: str | None, timeout_seconds: float) -> LaunchOutcome:
    """The outcome from the child's last word and the last failed task.

    Args:
        end: the child's last line, or None when it died without one.
        failure: message of the last task that failed.
        timeout_seconds: the limit the run had.
    """
    if end is None:
        return LaunchOutcome("error", "The process that ran the playbook was killed.", is_interrupted=True)
    reason = end.get("reason")
    if reason == "canceled":
        return LaunchOutcome("canceled", "The run was canceled.")
    if reason is not None:
        causes = {
            "lease-lost": "the service did not answer in time",
            "parent-died": "the service went away",
            "terminated": "it was asked to terminate",
        }
        sentence = f"The playbook was stopped because {causes.get(reason, reason)}."
        return LaunchOutcome("error", sentence, is_interrupted=True)
    status = end.get("end")
    if status == "successful":
        return LaunchOutcome("successful")
    if status == "timeout":
        return LaunchOutcome("timeout", f"The playbook did not end within {timeout_seconds:g} seconds.")
    if status == "failed" and end.get("rc") is None:
        # A process that ends by a signal has no exit code.
        return LaunchOutcome("error", "The playbook was killed.", is_interrupted=True)
    if status == "failed":
        return LaunchOutcome("failed", failure or _from_output(end))
    return LaunchOutcome("error", end.get("problem") or f"The playbook ended in the unknown state {status!r}.")


def _from_output(end: dict[str, Any]) -> str:
    """A playbook that failed before its first task says why only in its output."""
    lines = [line for line in end.get("output") or [] if not line.startswith(("[WARNING]", "[DEPRECATION"))]
    text = "\n".join(lines[-6:]).strip()
    return text or f"ansible-playbook ended with code {end.get('rc')} and said nothing."
