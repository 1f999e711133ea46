"""A service whose runs are scripts of many events: `python -m benchmarks.scripted serve PORT`, or `work`."""

import asyncio
import sys
from collections.abc import Callable

import uvicorn

from supafleet.app import create_app
from supafleet.db import utc_now
from supafleet.runner.fake import FakeLauncher
from supafleet.runner.launcher import LaunchRequest
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runs.vocabulary import EventKind, RunEvent
from supafleet.settings import Settings
from supafleet.worker_process import run_worker_process

EVENTS, SECONDS = 400, 10.0
# Most events wait for their batch; the first of a phase does not.
_PHASE_EVENTS = 40


class PacedLauncher(FakeLauncher):
    """Emits events evenly over the time of a create, then ends as every scripted create does."""

    async def launch(self, request: LaunchRequest, on_event: Callable[[RunEvent], None]) -> LaunchOutcome:
        if request.playbook == "project_create.yml":
            for number in range(EVENTS):
                is_first = number % _PHASE_EVENTS == 0
                kind = EventKind.PHASE_STARTED if is_first else EventKind.TASK_OK
                phase = f"phase {number // _PHASE_EVENTS}"
                on_event(RunEvent(at=utc_now(), kind=kind, phase=phase, task=f"Task {number}"))
                await asyncio.sleep(SECONDS / EVENTS)
        return await super().launch(request, on_event)


def main() -> None:
    """Serve the API, or only work."""
    if sys.argv[1] == "work":
        run_worker_process(Settings(), PacedLauncher())
        return
    port = int(sys.argv[2])
    app = create_app(Settings(listen_port=port), PacedLauncher())
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
