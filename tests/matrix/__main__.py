"""`python -m tests.matrix`: play every cell and print the table; cells that were played before are not played again."""

import argparse
import json
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.e2e.live_service import LiveService
from tests.matrix.cells import PHASES, VICTIMS, all_lives
from tests.matrix.playing import Stage


def main() -> None:
    """Play, and fail when a cell is not right."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description="The kill matrix.")
    parser.add_argument("--results", type=Path, default=Path(".supafleet/matrix.json"), help="where to resume from")
    parser.add_argument("--again", action="store_true", help="forget earlier results")
    options = parser.parse_args()
    results = {} if options.again or not options.results.exists() else json.loads(options.results.read_text())
    options.results.parent.mkdir(parents=True, exist_ok=True)
    console = Console()
    lives = [life for life in all_lives() if any(cell.name not in results for cell in life)]
    with tempfile.TemporaryDirectory(prefix="supafleet-matrix-") as folder:
        live = LiveService(Path(folder), "matrix", (55550, 55579), "10.228.0.0/16").start()
        try:
            for number, life in enumerate(lives, 1):
                stage = Stage(live)
                for cell in life:
                    verdict = stage.play(cell)
                    told = {"state": verdict.state, "seconds": round(verdict.seconds, 1), "leaks": verdict.leaks}
                    results[cell.name] = {**told, "repeated": verdict.repeated, "right": verdict.is_right}
                    options.results.write_text(json.dumps(results, indent=1))
                    mark = "right" if verdict.is_right else "WRONG"
                    console.print(
                        f"life {number} of {len(lives)}: {cell.name}: {mark}, {verdict.state}", highlight=False
                    )
        finally:
            with live.client() as api:
                for project in api.get("/v1/projects").json():
                    live.delete(project["ref"])
            live.stop()
    console.print(_table(results))
    raise SystemExit(0 if all(result["right"] for result in results.values()) else 1)


def _table(results: dict[str, dict[str, object]]) -> Table:
    table = Table(title="What dies, and what is then seen (seconds until the run's end)")
    for column in ("verb", "phase", *VICTIMS):
        table.add_column(column)
    for verb, phases in PHASES.items():
        for phase in phases:
            cells = [results.get(f"{verb}/{phase}/{victim}") for victim in VICTIMS]
            table.add_row(verb, phase, *(_words(cell) for cell in cells))
        table.add_section()
    return table


def _words(cell: dict[str, object] | None) -> str:
    if cell is None:
        return "-"
    if cell["right"]:
        return f"[green]{cell['state']} {cell['seconds']}[/]"
    return f"[red]{cell['state']} {cell['seconds']} {cell['leaks'] or ''} {cell['repeated']}[/]"


if __name__ == "__main__":
    main()
