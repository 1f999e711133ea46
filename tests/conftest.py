"""Which tests stay together when several processes share them."""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

ENGINE_LEVELS = ("tests/engine/", "tests/e2e/", "tests/fleet/")
#: Tests of the engine that share no project with the others of their level.
ON_THEIR_OWN = (
    "tests/engine/",
    "tests/fleet/",
    *(f"tests/e2e/test_{name}.py" for name in ("docs", "kill_matrix", "lifecycle", "random_requests", "wheel")),
)


class LevelScheduling(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """One file in one process, for its fixtures; tests of this machine's engine in two, since they mostly wait.

    More of them at a time would keep two cores busy with nothing but starting containers.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(ON_THEIR_OWN):
            return "services of their own"
        return "the shared service" if nodeid.startswith(ENGINE_LEVELS) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LevelScheduling:
    """Called by pytest-xdist when tests run in several processes."""
    return LevelScheduling(config, log)
