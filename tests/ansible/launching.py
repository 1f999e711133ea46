"""What the tests of the launcher share: a request for a tiny playbook, and a way to run it."""

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supafleet.runner.launcher import AnsibleRunnerLauncher, LauncherSettings, LaunchRequest
from supafleet.runner.outcome import LaunchOutcome
from supafleet.runner.redaction import secret_values
from supafleet.runs.vocabulary import RunEvent

# Processes are swept by the id of their run, on the whole machine: other tests may be at work.
RUN_ID = f"run-{uuid.uuid4()}"
PLAYBOOKS = Path(__file__).parent / "playbooks"
SENTINELS = {
    "jwt_secret": "S3nt1nel+jwt/{{ 7*6 }}==",
    "postgres_password": "Sent1nelPostgresPassw0rd",
    "dashboard_username": "supabase",
}


def real_launcher(directory: Path, *, owner: str, lease: float = 30, grace: float = 4) -> AnsibleRunnerLauncher:
    """A launcher of the tiny playbooks."""
    settings = LauncherSettings(
        run_directory=directory,
        owner=owner,
        lease_seconds=lease,
        grace_seconds=grace,
        playbooks=PLAYBOOKS,
    )
    return AnsibleRunnerLauncher(settings)


def request(playbook: str, run_id: str = RUN_ID, **changes: Any) -> LaunchRequest:
    """A run of one tiny playbook for the project `demo`."""
    values: dict[str, Any] = {
        "run_id": run_id,
        "attempt": 1,
        "playbook": playbook,
        "installation": "tests",
        "host": "here",
        "docker_host": {"connection": "local"},
        "project": {
            "ref": "demo",
            "host": "here",
            "gateway_port": 24321,
            "subnet": "10.213.7.0/24",
            "name": '{{ 7*6 }} "quoted" it\'s: #1',
        },
        "extra_vars": {"supafleet_secrets": {"demo": SENTINELS}, "supafleet_run": {"id": run_id}},
        "secrets": secret_values(SENTINELS),
        "timeout_seconds": 60,
    }
    return LaunchRequest(**{**values, **changes})


def launch(
    launcher: AnsibleRunnerLauncher, wanted: LaunchRequest, also: Callable[[RunEvent], None] | None = None
) -> tuple[LaunchOutcome, list[RunEvent]]:
    """Run to the end; the outcome and all events."""
    events: list[RunEvent] = []

    def take(event: RunEvent) -> None:
        events.append(event)
        if also is not None:
            also(event)

    return asyncio.run(launcher.launch(wanted, take)), events
