"""What is launched on a project: put together in one place, so that nobody forgets what must never be shown."""

from collections.abc import Mapping
from typing import Any

from supafleet.projects.hidden import hidden_values
from supafleet.runner.launcher import FunctionFiles, LaunchRequest
from supafleet.settings import Settings


def launch_request(
    inputs: Mapping[str, Any],
    facts: Mapping[str, Any],
    playbook: str,
    variables: Mapping[str, Any],
    settings: Settings,
    *,
    attempt: int = 1,
    functions: FunctionFiles | None = None,
    timeout_seconds: float | None = None,
) -> LaunchRequest:
    """The request for one attempt at a playbook that works on one project.

    Args:
        inputs: `project`, `docker_host` and `secrets`, as `run_inputs` and `orphan_inputs` tell them.
        facts: `id`, `kind`, `actor` and `driver` of the run, which the playbook is told.
        variables: further extra variables of the playbook.
        timeout_seconds: unset, that of every run.
    """
    project, secrets = inputs["project"], inputs["secrets"]
    return LaunchRequest(
        run_id=facts["id"],
        attempt=attempt,
        playbook=playbook,
        installation=settings.resolved_installation,
        host=project["host"],
        docker_host=inputs["docker_host"],
        project=project,
        extra_vars={"supafleet_secrets": {project["ref"]: secrets}, "supafleet_run": dict(facts), **variables},
        secrets=hidden_values(secrets, project),
        functions=functions,
        timeout_seconds=settings.run_timeout_seconds if timeout_seconds is None else timeout_seconds,
    )
