"""The cells of the matrix, and the order in which one project lives through them. Data only."""

from dataclasses import dataclass

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
#: A process of a container cannot die where none is running: at the beginning of these phases there is no container, or
#: all of them stand still.
_NO_CONTAINER_RUNS = {
    "create": {"lock", "volumes", "files"},
    "pause": {"release"},
    "resume": {"lock", "files"},
    "restart": {"files"},
    "delete": {"release"},
}
#: What a project is before the verb.
BEGINNINGS = {
    "create": "gone",
    "pause": "ACTIVE_HEALTHY",
    "resume": "INACTIVE",
    "restart": "ACTIVE_HEALTHY",
    "delete": "ACTIVE_HEALTHY",
}
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


def cells_of(victim: str) -> list[Cell]:
    """Every cell of a victim that can exist, again and again from a creation to a removal."""
    longest = max(len(phases) for phases in PHASES.values())
    cells = [
        Cell(verb, phases[turn], victim)
        for turn in range(longest)
        for verb, phases in PHASES.items()
        if turn < len(phases)
    ]
    return [cell for cell in cells if _can_exist(cell)]


def _can_exist(cell: Cell) -> bool:
    return cell.victim != "container" or cell.phase not in _NO_CONTAINER_RUNS[cell.verb]


def daily_cells() -> list[Cell]:
    """A choice for every day: the victims that need no second stage, each with every verb but one.

    A restart is asked for twice and costs as much as three other cells, so only the service dies in one.
    """
    chosen = {
        "service": {"create": "files", "pause": "stop", "resume": "watch", "restart": "verify", "delete": "removal"},
        "child": {"create": "watch", "pause": "lock", "resume": "files", "delete": "lock"},
        "playbook": {"create": "volumes", "pause": "release", "resume": "verify", "delete": "removal"},
        "container": {"create": "verify", "pause": "stop", "resume": "watch", "delete": "lock"},
    }
    return [Cell(verb, phase, victim) for victim, phases in chosen.items() for verb, phase in phases.items()]
