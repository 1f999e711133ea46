"""Watching a run until it ends: a live table on a terminal, plain lines elsewhere, silence for `--json`."""

import sys
import time
from enum import Enum

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from supafleet.cli.client import FleetClient, as_document
from supafleet.cli.exits import CommandError, DetachedError, documented_by
from supafleet.cli.output import PHASE_COLOURS, phase_times, print_asked_for, print_json
from supafleet.cli.progress import RunProgress
from supafleet.cli.shapes import Run
from supafleet.cli.stream import follow_events


class Show(Enum):
    """How a watched run is shown."""

    LIVE = "live"
    LINES = "lines"
    NOTHING = "nothing"


def show_for(*, is_json: bool) -> Show:
    """How a run is shown here: programs and pipes get no live table."""
    if is_json:
        return Show.NOTHING
    return Show.LIVE if sys.stdout.isatty() else Show.LINES


def watch_run(client: FleetClient, run_id: str, show: Show) -> Run:
    """Watch a run to its end and answer its record.

    Raises:
        DetachedError: Ctrl-C; the run goes on.
    """
    progress = RunProgress()
    try:
        if show is Show.LIVE:
            _watch_live(client, run_id, progress)
        else:
            for event in follow_events(client, run_id):
                for line in progress.apply(event, time.monotonic()):
                    if show is Show.LINES:
                        print(line, flush=True)
        return client.run(run_id)
    except KeyboardInterrupt as interrupt:
        raise DetachedError(run_id) from interrupt


def require_success(run: Run) -> None:
    """Refuse to go on after a run that did not end well.

    Raises:
        CommandError: with the run's explanation; the lines below its first are the failing service's last log lines.
    """
    if run.has_succeeded:
        return
    sentence, *log_lines = (run.explanation or f"the run {run.id} ended as {run.status}").splitlines()
    raise CommandError(sentence, lines=tuple(log_lines))


def tell_of_run(client: FleetClient, ref: str, run: Run | None, done: str, *, wait: bool, is_json: bool) -> None:
    """End a verb: watch the run it asked for when that is wished, and print what became of it.

    Args:
        run: None when there was nothing to do.
        done: what is then so, as a sentence's beginning.

    Raises:
        CommandError: the watched run did not end well.
    """
    if run is not None and wait:
        run = watch_run(client, run.id, show_for(is_json=is_json))
    document = {"ref": ref, "run": None if run is None else as_document(run)}
    if run is not None and wait:
        with documented_by(document):
            require_success(run)
    if is_json:
        print_json(document)
    elif run is None:
        print(f"{done}: nothing to do")
    elif wait:
        print(f"{done}: {phase_times(run)}")
    else:
        print_asked_for(run)


def _watch_live(client: FleetClient, run_id: str, progress: RunProgress) -> None:
    console = Console(highlight=False)

    def frame() -> Group:
        return render_progress(progress, time.monotonic())

    with Live(console=console, get_renderable=frame, refresh_per_second=5):
        for event in follow_events(client, run_id):
            progress.apply(event, time.monotonic())


def render_progress(progress: RunProgress, monotonic: float) -> Group:
    """The live picture: a line per service, the phases with their times, the task at work."""
    if progress.started_at is None:
        return Group(Text("waiting for the run to begin", style="bright_black"))
    now = progress.now(monotonic)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("SERVICE", "PHASE", "TIME"):
        table.add_column(column, no_wrap=True, justify="right" if column == "TIME" else "left")
    for name, line in progress.services.items():
        words = line.phase
        if line.phase == "exited" and line.exit_code is not None:
            words += f" ({line.exit_code})"
        if line.restart_count:
            words += f", restarted {line.restart_count}x"
        colour = "green" if line.phase == progress.settled_phase else PHASE_COLOURS.get(line.phase, "")
        table.add_row(name, Text(words, style=colour), f"{line.elapsed_seconds(now):.1f}s")
    phases = Text()
    for phase in progress.phases:
        style = "bold" if phase.ended_at is None else "bright_black"
        phases.append(f"{phase.name} {phase.elapsed_seconds(now):.1f}s  ", style=style)
    whole = Text(f"{(now - progress.started_at).total_seconds():.1f}s  {progress.task}", style="bright_black")
    return Group(*([table] if progress.services else []), phases, whole)
