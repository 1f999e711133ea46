"""Which tests stay together when several processes share them."""

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

ENGINE_LEVELS = ("tests/engine/", "tests/e2e/", "tests/fleet/")


class LevelScheduling(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """One file in one process, for its fixtures; everything that uses this machine's engine in one as well.

    Twelve containers at a time fill two cores, and what an engine test counts on the host is the whole host's.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "engine" if nodeid.startswith(ENGINE_LEVELS) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LevelScheduling:
    """Called by pytest-xdist when tests run in several processes."""
    return LevelScheduling(config, log)
