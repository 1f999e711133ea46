"""What a run of a project must never show."""

from collections.abc import Mapping
from typing import Any

from supafleet.projects.states import ServicePhase
from supafleet.runner.redaction import secret_values
from supafleet.stack.settings import SERVICES, environment_values

#: Values by which the names and phases of services would become unreadable, or every other line of a log.
_ORDINARY = frozenset({*SERVICES, *ServicePhase, "supabase", "postgres", "localhost"})


def hidden_values(secrets: Mapping[str, str], project: Mapping[str, Any]) -> list[str]:
    """The values of the project's secrets, and of the environment variables that its owner gave the services.

    Args:
        project: the project as the inventory has it.
    """
    return [*secret_values(secrets), *sorted(environment_values(project.get("settings", {})) - _ORDINARY)]
