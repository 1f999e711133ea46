"""One live service with two running projects, for all tests of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.live_service import LiveService

E2E_PORTS = (25000, 25099)
E2E_POOL = "10.221.0.0/16"
# A name is text, whatever is in it.
AWKWARD_NAME = 'it\'s "quoted" {{ 7*6 }} $HOME'


@dataclass(frozen=True)
class LiveProject:
    """A project of the live service, as its user has it."""

    ref: str
    url: str
    anon_key: str
    service_role_key: str
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"PROJECT_URL": self.url, "ANON_KEY": self.anon_key, "SERVICE_ROLE_KEY": self.service_role_key}


# Of the folder and not of the session: running projects slow down every other test.
@pytest.fixture(scope="package")
def service(sandbox_images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    with LiveService(tmp_path_factory.mktemp("service"), "e2e", E2E_PORTS, E2E_POOL) as live:
        yield live


def describe(live: LiveService, ref: str) -> LiveProject:
    project, keys = live.project(ref), live.keys(ref)
    root = Path("/var/lib/supafleet/projects") / ref
    return LiveProject(ref, project["public_url"], keys["anon"], keys["service_role"], root)


@pytest.fixture(scope="package")
def projects(service: LiveService) -> tuple[LiveProject, LiveProject]:
    """Two projects, created at the same time."""
    refs = [service.create(name) for name in (AWKWARD_NAME, "Second")]
    for ref in refs:
        project = service.wait(ref, "ACTIVE_HEALTHY", "INIT_FAILED")
        assert project["status"] == "ACTIVE_HEALTHY", project["status_reason"]
    first, second = (describe(service, ref) for ref in refs)
    return first, second
