"""A worker's name: stable, and never held twice."""

from pathlib import Path

from supafleet.jobs.identity import claim_identity


def test_names_are_stable_and_unique(tmp_path: Path) -> None:
    first, second = claim_identity(tmp_path), claim_identity(tmp_path)
    assert first.executor_id != second.executor_id

    name = first.executor_id
    first.release()
    assert claim_identity(tmp_path).executor_id == name
    assert claim_identity(tmp_path / "elsewhere").executor_id != name
