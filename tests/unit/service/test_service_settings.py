"""Settings, the database's types, logs and the words of validation errors."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Literal

import pytest
import sqlalchemy as sa
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from supafleet.db import UtcDateTime, engine_from_url, reading, sqlalchemy_url, unit_of_work
from supafleet.errors import allowed, describe_validation_errors, quote
from supafleet.logs import configure_logging, hide_secrets
from supafleet.settings import Settings


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_defaults_follow_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPAFLEET_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SUPAFLEET_LISTEN_PORT", "9000")
    settings = Settings()
    assert settings.resolved_database_url == f"sqlite:///{tmp_path}/control.sqlite"
    assert settings.resolved_public_url == "http://127.0.0.1:9000"
    assert settings.master_key_file == tmp_path / "master.key"


def test_secrets_of_the_settings_are_not_shown(tmp_path: Path) -> None:
    key = "qwertzuiopasdfghjklyxcvbnm1234567890QWERTZU="
    settings = Settings(data_dir=tmp_path, database_url="postgresql://me:hunter2hunter2@db/x", master_key=key)
    assert "hunter2" not in repr(settings)
    assert key not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"), [("registry_prefix", "mirror.example.com"), ("installation", "X"), ("listen_port", 0)]
)
def test_a_bad_setting_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({name: value})


def test_postgresql_urls_get_our_driver() -> None:
    assert sqlalchemy_url("postgresql://me:pw@db/x") == "postgresql+psycopg://me:pw@db/x"
    assert sqlalchemy_url("sqlite:////a/b") == "sqlite:////a/b"


def test_times_come_back_aware_and_naive_ones_are_refused() -> None:
    engine = sa.create_engine("sqlite://")
    table = sa.Table("moments", sa.MetaData(), sa.Column("at", UtcDateTime()))
    table.metadata.create_all(engine)
    east = datetime(2026, 1, 1, 13, tzinfo=timezone(timedelta(hours=1)))
    with engine.begin() as connection:
        connection.execute(table.insert().values(at=east))
        stored = connection.execute(sa.select(table.c.at)).scalar_one()
        assert stored == east
        assert stored.tzinfo is UTC
        with pytest.raises(sa.exc.StatementError, match="zone"):
            connection.execute(table.insert().values(at=datetime(2026, 1, 1)))


def insert_and_break(engine: sa.Engine) -> None:
    with unit_of_work(engine) as session:
        session.execute(sa.text("INSERT INTO t VALUES (2)"))
        raise ZeroDivisionError


def test_a_unit_of_work_keeps_all_or_nothing_and_reading_refuses_to_write(tmp_path: Path) -> None:
    engine = engine_from_url(f"sqlite:///{tmp_path / 'x.sqlite'}")
    with unit_of_work(engine) as session:
        session.execute(sa.text("CREATE TABLE t (n integer)"))
        session.execute(sa.text("INSERT INTO t VALUES (1)"))
    with pytest.raises(ZeroDivisionError):
        insert_and_break(engine)
    with reading(engine) as session, pytest.raises(sa.exc.DBAPIError, match="readonly"):
        session.execute(sa.text("INSERT INTO t VALUES (3)"))
    with reading(engine) as session:
        assert session.execute(sa.text("SELECT n FROM t")).scalars().all() == [1]
    with engine.connect() as connection:
        pragmas = {
            name: connection.execute(sa.text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 30000}


def test_logs_hide_what_sounds_secret() -> None:
    event = hide_secrets(None, "info", {"event": "x", "db_pass": "a", "access_token": "b", "Authorization": "c"})
    assert event == {"event": "x", "db_pass": "(hidden)", "access_token": "(hidden)", "Authorization": "(hidden)"}


@pytest.fixture
def own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test configures ends with it."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("own_logging")
@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_in_the_log_tells_no_values(
    form: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(Settings(log_format=form))

    def break_near(secret: str) -> None:
        raise ZeroDivisionError(f"after {len(secret)} letters")

    for log in (structlog.get_logger("ours"), logging.getLogger("theirs")):
        try:
            break_near("hunter2" * 2)
        except ZeroDivisionError:
            log.exception("request.broke")
    written = capsys.readouterr().err
    assert written.count("request.broke") == written.count("ZeroDivisionError: after 14 letters") == 2
    assert "break_near" in written
    assert "hunter2hunter2" not in written


def test_words() -> None:
    assert allowed([]) == "nothing"
    assert allowed(["a"]) == "a"
    assert allowed(["a", "b", "c"]) == "a, b or c"
    assert quote("two\nlines") == "'two?lines'"
    assert len(quote("x" * 500)) == 66


def test_validation_errors_name_the_field_and_never_the_value() -> None:
    class Shape(BaseModel):
        number: int
        word: str

    with pytest.raises(ValidationError) as caught:
        Shape.model_validate({"number": "secretValue", "word": ["secretValue"]})
    message = describe_validation_errors(caught.value.errors())
    assert message == "number: must be a whole number; word: must be a string"


def test_many_wrong_fields_are_told_in_part() -> None:
    class Shape(BaseModel):
        model_config = ConfigDict(extra="forbid")

    with pytest.raises(ValidationError) as caught:
        Shape.model_validate({f"field{number}": 1 for number in range(50_000)})
    message = describe_validation_errors(caught.value.errors())
    assert message.startswith("field0: ")
    assert message.endswith("; field19: " + message.partition("; ")[0].partition(": ")[2] + "; and more")
