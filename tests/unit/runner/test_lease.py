"""The times after which a playbook ends itself and its worker is taken for dead."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from supafleet.settings import Settings


def test_a_worker_is_not_dead_before_its_playbooks_have_ended(tmp_path: Path) -> None:
    times = {"data_dir": tmp_path, "worker_lease_seconds": 20, "run_grace_seconds": 5}

    assert Settings(**times, worker_dead_seconds=30.5).worker_dead_seconds == 30.5  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="must be more than worker_lease_seconds"):
        Settings(**times, worker_dead_seconds=30)  # type: ignore[arg-type]
    with pytest.raises(ValidationError, match="worker_dead_seconds"):
        Settings(data_dir=tmp_path, run_grace_seconds=30)
