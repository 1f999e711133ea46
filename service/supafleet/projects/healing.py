"""Whether a project that lost containers is brought back by itself, and when. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from supafleet.projects.fold import ServiceState
from supafleet.projects.states import STOPPED_PHASES


@dataclass(frozen=True)
class Policy:
    """How often, and with which pauses."""

    limit: int
    pause: timedelta
    reset: timedelta


@dataclass(frozen=True)
class Count:
    """Heals in a row, and the moment before which there is no next one."""

    heals: int = 0
    heal_after: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """What to do now. `reason` is told with the run, `surrender` beside the project's status."""

    count: Count
    is_due: bool = False
    reason: str | None = None
    surrender: str | None = None


def decide(services: Mapping[str, ServiceState], count: Count, policy: Policy, now: datetime) -> Decision:
    """Heal lost containers at once, then after growing pauses, and no more after the limit.

    A container that runs but is unhealthy is not lost: a converge would leave it as it is.
    """
    lost = [service for service in services.values() if service.phase in STOPPED_PHASES]
    if not lost:
        is_over = count.heal_after is not None and now >= count.heal_after + policy.reset
        return Decision(Count() if is_over else count)
    if count.heals >= policy.limit:
        surrender = f"It was healed {count.heals} times in a row: mend the cause and restart the project."
        return Decision(count, surrender=surrender if count.heals else None)
    if count.heal_after is not None and now < count.heal_after:
        return Decision(count)
    told = ", ".join(service.sentence for service in lost)
    pause = policy.pause * 2**count.heals
    return Decision(Count(count.heals + 1, now + pause), is_due=True, reason=f"{told}.")
