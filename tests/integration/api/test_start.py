"""The first start, the next ones, and the starts that are refused."""

import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr, ValidationError
from sqlalchemy import text

from supafleet.bootstrap import prepare
from supafleet.db import engine_from_url, reading, unit_of_work
from supafleet.errors import StartRefused
from supafleet.jobs.fake import RecordingJobEngine
from supafleet.projects import service as projects
from supafleet.settings import Settings
from tests.integration.api.conftest import PASSWORD, Api


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Those of a service that was never started."""
    return Settings(data_dir=tmp_path / "data", database_url=database_url, run_dir=tmp_path)


def start(settings: Settings) -> None:
    engine = engine_from_url(settings.resolved_database_url)
    try:
        prepare(settings, engine)
    finally:
        engine.dispose()


def beside(settings: Settings, folder: Path, installation: str | None = None) -> Settings:
    """Those of another machine of the same database, which has the key."""
    return Settings(
        data_dir=folder,
        database_url=settings.resolved_database_url,
        master_key=settings.master_key,
        installation=installation,
    )


def with_key(settings: Settings, key: str | None) -> Settings:
    return Settings(data_dir=settings.data_dir, database_url=settings.resolved_database_url, master_key=key)


def test_the_first_start_makes_private_files_and_the_next_changes_nothing(settings: Settings) -> None:
    start(settings)
    files = [settings.master_key_file, settings.owner_token_file]
    before = [file.read_bytes() for file in files]
    assert re.fullmatch(rb"sbp_[0-9a-f]{40}\n", before[1])
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.data_dir.stat().st_mode) == 0o700
    databases = list(settings.data_dir.parent.glob("control.sqlite*"))
    assert {stat.S_IMODE(file.stat().st_mode) for file in databases} <= {0o600}
    start(settings)
    assert [file.read_bytes() for file in files] == before
    engine = engine_from_url(settings.resolved_database_url)
    with engine.connect() as connection:
        for table in ("account", "organization", "membership", "access_token", "docker_host"):
            assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 1
        regions = connection.execute(text("SELECT regions FROM docker_host")).scalar_one()
    engine.dispose()
    assert "local" in regions
    assert "sa-east-1" in regions


def test_a_start_that_was_cut_off_before_its_commit_uses_the_token_it_wrote(settings: Settings) -> None:
    settings.data_dir.mkdir()
    settings.owner_token_file.write_text(f"sbp_{'ab' * 20}\n")
    start(settings)
    engine = engine_from_url(settings.resolved_database_url)
    with engine.connect() as connection:
        prefix = connection.execute(text("SELECT prefix FROM access_token")).scalar_one()
    engine.dispose()
    assert prefix == "sbp_abab"


@pytest.mark.parametrize("key", ["changeme", "your-super-secret-master-key-00000", "A" * 43 + "=", ""])
def test_a_placeholder_is_refused(settings: Settings, key: str) -> None:
    with pytest.raises(ValidationError, match="placeholder"):
        with_key(settings, key)


def test_a_key_that_is_no_key_is_refused(settings: Settings) -> None:
    with pytest.raises(StartRefused, match="32 random bytes"):
        start(with_key(settings, "qwertzuiopasdfghjklyxcvbnm"))


def test_a_key_file_that_others_can_read_is_refused(settings: Settings) -> None:
    start(settings)
    settings.master_key_file.chmod(0o640)
    with pytest.raises(StartRefused, match="0600"):
        start(settings)


def test_keys_rotate_and_a_wrong_key_is_refused_in_words(api: Api) -> None:
    ref = api.create()["ref"]
    old = api.settings.master_key_file.read_text().strip()
    new = Fernet.generate_key().decode()
    with pytest.raises(StartRefused, match="does not open"):
        start(with_key(api.settings, new))
    start(with_key(api.settings, f"{new},{old}"))
    rotated = with_key(api.settings, new)
    start(rotated)
    with reading(api.engine) as session:
        assert projects.run_inputs(session, ref, rotated)["secrets"]["postgres_password"] == PASSWORD
    with unit_of_work(api.engine) as session, pytest.raises(StartRefused):
        projects.run_inputs(session, ref, api.settings)


def test_a_lost_key_file_is_not_replaced_by_a_new_one(api: Api) -> None:
    api.create()
    api.settings.master_key_file.unlink()
    with pytest.raises(StartRefused, match="backup"):
        start(api.settings)
    assert not api.settings.master_key_file.exists()


def test_each_database_has_a_name_of_its_own_that_all_its_machines_read(settings: Settings, tmp_path: Path) -> None:
    start(settings)
    assert re.fullmatch("local-[0-9a-f]{6}", settings.resolved_installation)
    key = settings.master_key_file.read_text().strip()
    second = settings.model_copy(
        update={"data_dir": tmp_path / "second", "installation": None, "master_key": SecretStr(key)}
    )
    start(second)
    assert second.resolved_installation == settings.resolved_installation
    other = Settings(data_dir=tmp_path / "other", database_url=f"sqlite:///{tmp_path / 'other.sqlite'}")
    start(other)
    assert other.resolved_installation != settings.resolved_installation


def test_the_first_start_decides_the_name_and_another_one_is_refused(settings: Settings, tmp_path: Path) -> None:
    first = settings.model_copy(
        update={"installation": "berlin", "master_key": SecretStr(Fernet.generate_key().decode())}
    )
    start(first)
    unset = beside(first, tmp_path / "unset")
    start(unset)
    assert unset.resolved_installation == "berlin"
    start(beside(first, tmp_path / "same", "berlin"))
    with pytest.raises(StartRefused, match=r"installation: must be 'berlin' or unset, for what this database"):
        start(beside(first, tmp_path / "other", "paris"))
    start(beside(first, tmp_path / "unset"))


def test_a_database_of_before_names_were_kept_stays_local_when_it_has_projects(api: Api, tmp_path: Path) -> None:
    api.create()
    for wanted, name in ((None, "local"), ("berlin", "berlin")):
        with unit_of_work(api.engine) as session:
            session.execute(text("DELETE FROM installation"))
        earlier = api.settings.model_copy(update={"installation": wanted})
        start(earlier)
        assert earlier.resolved_installation == name


def test_machines_that_start_first_at_once_agree_on_the_name(settings: Settings, tmp_path: Path) -> None:
    key = SecretStr(Fernet.generate_key().decode())
    machines = [beside(settings.model_copy(update={"master_key": key}), tmp_path / str(number)) for number in range(4)]
    with ThreadPoolExecutor(len(machines)) as pool:
        list(pool.map(start, machines))
    assert len({machine.resolved_installation for machine in machines}) == 1


@pytest.mark.parametrize("name", ["default_release", "default_size"])
def test_a_default_that_does_not_exist_is_refused_by_name(tmp_path: Path, name: str) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, name: "nonsense"})
    with pytest.raises(StartRefused, match=name):
        start(settings)


def test_an_api_without_a_worker_is_refused_on_sqlite_only(settings: Settings) -> None:
    alone = settings.model_copy(update={"embedded_worker": False})
    if settings.resolved_database_url.startswith("sqlite"):
        with pytest.raises(StartRefused, match="embedded_worker: must be true on SQLite"):
            start(alone)
        return
    start(alone)


def test_a_second_machine_must_be_given_the_key_of_the_first(settings: Settings, tmp_path: Path) -> None:
    start(settings)
    second = settings.model_copy(update={"data_dir": tmp_path / "second"})
    with pytest.raises(StartRefused, match=r"second/master\.key is missing"):
        start(second)
    assert not second.master_key_file.exists()
    second.master_key_file.write_bytes(settings.master_key_file.read_bytes())
    second.master_key_file.chmod(0o600)
    start(second)
    assert not second.owner_token_file.exists()


def test_a_database_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="sqlite or postgresql"):
        engine_from_url("mysql://localhost/x")


def test_recorded_jobs_begin_and_end_with_the_application(api: Api) -> None:
    assert isinstance(api.app.state.jobs, RecordingJobEngine)
    assert api.jobs.is_started
