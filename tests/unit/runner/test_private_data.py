"""Private folders: fresh, for nobody else, gone in any case."""

import shutil
import tarfile
from pathlib import Path

import pytest

from supafleet.runner.private_data import private_data_dir, run_directory, sweep, write_archive, write_private


def test_it_is_removed_even_after_an_exception(tmp_path: Path) -> None:
    def use_and_fail() -> None:
        with private_data_dir(tmp_path, owner="me", run_id="r", attempt=1) as folder:
            assert folder.stat().st_mode & 0o777 == 0o700
            write_private(folder / "env" / "extravars", "secret")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        use_and_fail()
    assert list(tmp_path.iterdir()) == []


def test_leftovers_are_swept_by_owner_or_by_run(tmp_path: Path) -> None:
    made = [private_data_dir(tmp_path, owner=owner, run_id=run, attempt=1) for owner, run in ("ax", "ay", "bz")]
    for each in made:
        each.__enter__()
    (tmp_path / "supafleet-run-foreign").mkdir()

    assert sweep(tmp_path, owner="a", run_id="y") == 1
    assert sweep(tmp_path, owner="a") == 1
    assert sweep(tmp_path, owner="a") == 0
    assert len(list(tmp_path.iterdir())) == 2


def test_a_removal_that_was_cut_off_is_finished_by_the_next_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    attempt = private_data_dir(tmp_path, owner="a", run_id="r", attempt=1)
    folder = attempt.__enter__()
    write_private(folder / "env" / "extravars", "secret")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", be_killed)
        with pytest.raises(KeyboardInterrupt):
            attempt.__exit__(None, None, None)
    assert folder.exists()

    assert sweep(tmp_path, owner="a") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_never_readable_for_others(tmp_path: Path) -> None:
    write_private(tmp_path / "file", "secret")

    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "file", "again")


def test_the_configured_folder_is_made(tmp_path: Path) -> None:
    folder = run_directory(tmp_path / "run", tmp_path)

    assert folder.stat().st_mode & 0o777 == 0o700


def test_an_archive_is_private_and_the_same_for_the_same_files(tmp_path: Path) -> None:
    files = {"b/x.ts": b"1\x00", "a.ts": b""}
    for name in ("one", "two"):
        write_archive(tmp_path / name, dict(sorted(files.items(), reverse=name == "two")))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o600
    with tarfile.open(tmp_path / "one") as archive:
        assert archive.getnames() == ["a.ts", "b/x.ts"]
        member = archive.extractfile("b/x.ts")
        assert member is not None
        assert member.read() == b"1\x00"
