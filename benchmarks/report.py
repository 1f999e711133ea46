"""Results as tables for people and as JSON for programs."""

import json
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Figure, Results

_VERDICTS = {True: "[green]holds[/]", False: "[red]does not hold[/]", None: ""}
# Above one process per core, numbers tell of the neighbours.
_BUSY_LOAD_PER_CORE = 1.0


def print_tables(results: Results, console: Console) -> None:
    console.print(" · ".join(f"{name} {value}" for name, value in results.machine.items()))
    if results.loads and results.loads[0] > _BUSY_LOAD_PER_CORE * float(results.machine["cores"]):
        console.print("[yellow]The machine was busy with something else when this began: the ratios may still help.[/]")
    table = Table("what", "median", "least", "most", "bound", "aim", "verdict", title="Benchmarks")
    for column in table.columns[1:6]:
        column.justify = "right"
    group = ""
    for figure in results.figures:
        if figure.group != group:
            table.add_section()
            group = figure.group
        cells = [_amount(figure, value) for value in (figure.value, min(figure.samples), max(figure.samples))]
        limits = [_amount(figure, value) for value in (figure.bound, figure.aim)]
        table.add_row(f"{figure.group}: {figure.what}", *cells, *limits, _VERDICTS[figure.holds])
    console.print(table)
    for timeline in results.timelines:
        steps = Table("step", "median s", "least", "most", title=timeline.title)
        for column in steps.columns[1:]:
            column.justify = "right"
        for step, seconds in timeline.steps.items():
            steps.add_row(step, *(f"{value:.2f}" for value in (median(seconds), min(seconds), max(seconds))))
        console.print(steps)
    console.print("load average by round: " + " ".join(f"{load:.1f}" for load in results.loads))


def as_json(results: Results) -> str:
    document: dict[str, Any] = {
        "machine": results.machine,
        "loads": results.loads,
        "figures": [
            {
                "group": figure.group,
                "what": figure.what,
                "unit": figure.unit,
                "median": figure.value,
                "samples": figure.samples,
                "bound": figure.bound,
                "aim": figure.aim,
                "holds": figure.holds,
            }
            for figure in results.figures
        ],
        "timelines": [{"title": each.title, "seconds": each.steps} for each in results.timelines],
    }
    return json.dumps(document, indent=2)


def _amount(figure: Figure, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f} {figure.unit}" if figure.unit == "MB" else f"{value:.2f} {figure.unit}"
