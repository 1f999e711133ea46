"""Some cells of the kill matrix: of its six victims four, each killed within each verb at one of the verb's phases.

Service, child, playbook and container die in create, pause, resume and delete; in a restart only the service does.
`make matrix` alone plays the other phases, the other restarts, and all cells that need a stage of their own: a worker
that dies beside another one on PostgreSQL, and the engine of a Docker host in a container.
"""

from collections.abc import Iterator

import pytest

from tests.e2e.live_service import LiveService
from tests.matrix.cells import Cell, daily_cells
from tests.matrix.playing import Stage

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def stage(sandbox_images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with LiveService(tmp_path_factory.mktemp("service"), "matrix", (25550, 25579), "10.228.0.0/16") as live:
        yield Stage(live)


@pytest.mark.parametrize("cell", daily_cells(), ids=lambda cell: cell.name)
def test_what_dies_leaves_a_named_state_and_nothing_else(stage: Stage, cell: Cell) -> None:
    verdict = stage.play_until_reached(cell)
    print(f"{cell.name}: {verdict.state} after {verdict.seconds:.1f} s")
    assert verdict.is_right, verdict
