"""What every module of tests may be asked at its end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.official_document import CALLED_ELSEWHERE, judged


@pytest.fixture(scope="module", autouse=True)
def _official_operations_are_called(request: pytest.FixtureRequest) -> Iterator[None]:
    """A module that was run in full has called with success what it is known to call."""
    judged.clear()
    failed = request.session.testsfailed
    yield
    is_in_full = not request.config.option.keyword and not any("::" in word for word in request.config.args)
    if is_in_full and request.session.testsfailed == failed:
        missing = CALLED_ELSEWHERE.get(request.path.relative_to(Path(__file__).parent).as_posix(), set()) - judged
        assert not missing, f"never called with success: {sorted(missing)}"
