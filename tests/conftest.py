"""Which tests stay together when several processes share them."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One file in one process, for its fixtures; everything that uses the engine of this machine in one as well.

    Twelve containers at a time fill two cores, and what an engine test counts on the host is the whole host's.
    """
    for item in items:
        group = "engine" if item.get_closest_marker("docker") else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
