"""`python -m tests.matrix`: play every cell and print the table; cells that were played before are not played again."""

import argparse
import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from supafleet.content import content_root
from supafleet.sandbox import content_digest, image_reference
from tests.e2e.live_service import LiveService
from tests.engine.earlier_runs import swept_once
from tests.engine.fixtures import RELEASE, SERVICES
from tests.fleet.docker_host_container import docker_host_container
from tests.integration.conftest import running_postgres
from tests.matrix.cells import PHASES, VICTIMS, Cell, cells_of
from tests.matrix.cluster import ClusterService
from tests.matrix.playing import Stage
from tests.matrix.remote import RemoteStage

_PORTS, _POOL = (25550, 25579), "10.228.0.0/16"
_console = Console(highlight=False)


def main() -> None:
    """Play, and fail when a cell is not right."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description="The kill matrix.")
    parser.add_argument("--results", type=Path, default=Path(".supafleet/matrix.json"), help="where to resume from")
    parser.add_argument("--again", action="store_true", help="forget earlier results")
    parser.add_argument(
        "--only", nargs="+", choices=VICTIMS, default=VICTIMS, metavar="VICTIM", help=", ".join(VICTIMS)
    )
    options = parser.parse_args()
    results = {} if options.again or not options.results.exists() else json.loads(options.results.read_text())
    options.results.parent.mkdir(parents=True, exist_ok=True)
    for victim in options.only:
        cells = [cell for cell in cells_of(victim) if not _is_played(results.get(cell.name))]
        if cells:
            with (
                swept_once(),
                tempfile.TemporaryDirectory(prefix="supafleet-matrix-") as folder,
                _stage(victim, Path(folder)) as stage,
            ):
                for cell in cells:
                    results[cell.name] = _play(stage, cell)
                    options.results.write_text(json.dumps(results, indent=1))
    _console.print(_table(results))
    raise SystemExit(0 if all(result["right"] for result in results.values()) else 1)


def _is_played(result: dict[str, Any] | None) -> bool:
    """Whether something died in the cell; one in which nothing did has shown nothing."""
    return result is not None and result.get("killed", 0) > 0


def _play(stage: Stage, cell: Cell) -> dict[str, Any]:
    """The verdict as it is kept."""
    verdict = stage.play_until_reached(cell)
    mark = "right" if verdict.is_right else f"WRONG {verdict}" if verdict.is_reached else "NOT REACHED"
    _console.print(f"{cell.name}: {mark}, {verdict.detail or verdict.state} after {verdict.seconds:.0f} s")
    told = {"killed": verdict.killed, "state": verdict.state, "seconds": round(verdict.seconds, 1)}
    told |= {"leaks": verdict.leaks, "repeated": verdict.repeated, "detail": verdict.detail}
    return told | {"right": verdict.is_right}


@contextlib.contextmanager
def _stage(victim: str, folder: Path) -> Iterator[Stage]:
    with contextlib.ExitStack() as stack:
        if victim == "worker":
            postgres = stack.enter_context(running_postgres())
            live: LiveService = ClusterService(folder, _PORTS, _POOL, postgres.create_database())
        else:
            live = LiveService(folder, "matrix", _PORTS, _POOL)
        live.start()
        stack.callback(live.stop)
        stage = Stage(live)
        if victim == "engine":
            host = stack.enter_context(docker_host_container(folder))
            host.prepare()
            host.load_images([image_reference(name, RELEASE, content_digest(content_root())) for name in SERVICES])
            stage = RemoteStage(live, host)
        stack.callback(live.delete_all)  # as long as its host is there
        yield stage


def _table(results: dict[str, dict[str, Any]]) -> Table:
    table = Table(title="What dies, and what is then seen (seconds until the run's end)")
    for column in ("verb", "phase", *VICTIMS):
        table.add_column(column)
    for verb, phases in PHASES.items():
        for phase in phases:
            cells = [results.get(f"{verb}/{phase}/{victim}") for victim in VICTIMS]
            table.add_row(verb, phase, *(_words(cell) for cell in cells))
        table.add_section()
    return table


def _words(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return "-"
    if not _is_played(cell):
        return "[yellow]not reached[/]"
    if cell["right"]:
        return f"[green]{cell['state']} {cell['seconds']}[/]"
    return f"[red]{cell['state']} {cell['seconds']} {cell['leaks'] or ''} {cell['repeated']}[/]"


if __name__ == "__main__":
    main()
