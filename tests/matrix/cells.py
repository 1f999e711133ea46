"""The cells of the matrix, and the order in which one project lives through them. Data only."""

from dataclasses import dataclass
from itertools import cycle

#: Phases at whose beginning something is killed, by verb.
PHASES = {
    "create": ("lock", "volumes", "files", "watch", "verify", "release"),
    "pause": ("lock", "stop", "release"),
    "resume": ("lock", "files", "watch", "verify", "release"),
    "restart": ("lock", "stop", "files", "watch", "verify", "release"),
    "delete": ("lock", "removal", "release"),
}
#: What dies: the whole service, the process around ansible-runner, Ansible itself, a container's process; one of two
#: workers on PostgreSQL, and the engine of a host on which nothing restarts it.
VICTIMS = ("service", "child", "playbook", "container", "worker", "engine")
#: What a project is in the end, whatever died on the way.
GOALS = {
    "create": "ACTIVE_HEALTHY",
    "pause": "INACTIVE",
    "resume": "ACTIVE_HEALTHY",
    "restart": "ACTIVE_HEALTHY",
    "delete": "gone",
}


@dataclass(frozen=True)
class Cell:
    """Kill `victim` when `verb` enters `phase`."""

    verb: str
    phase: str
    victim: str

    @property
    def name(self) -> str:
        return f"{self.verb}/{self.phase}/{self.victim}"


def lives_of(victim: str) -> list[list[Cell]]:
    """Every cell of a victim, as lives from a creation to a removal; short verbs repeat phases to fill a life."""
    columns = {verb: cycle(phases) for verb, phases in PHASES.items()}
    longest = max(len(phases) for phases in PHASES.values())
    return [[Cell(verb, next(columns[verb]), victim) for verb in PHASES] for _ in range(longest)]


def few_lives() -> list[list[Cell]]:
    """A choice for every day: each verb with several victims, each victim at early and at late phases."""
    return [
        [
            Cell("create", "watch", "playbook"),
            Cell("pause", "stop", "service"),
            Cell("resume", "files", "child"),
            Cell("restart", "watch", "container"),
            Cell("delete", "removal", "service"),
        ],
        [
            Cell("create", "files", "service"),
            Cell("pause", "lock", "child"),
            Cell("resume", "watch", "service"),
            Cell("restart", "stop", "playbook"),
            Cell("delete", "lock", "playbook"),
        ],
    ]
