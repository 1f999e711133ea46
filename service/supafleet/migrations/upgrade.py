"""Bring the database to this version's tables."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection, Engine

# Any number, the same for all processes of the product that share a PostgreSQL database.
_ADVISORY_LOCK = 7_305_811_202_609


def alembic_config(connection: Connection) -> Config:
    """Alembic's settings: they live in code, so that an installed wheel needs no file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).resolve().parent).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s")
    config.attributes["connection"] = connection
    return config


def upgrade_database(engine: Engine) -> None:
    """Run the revisions that are missing, one process at a time.

    On SQLite the caller holds a file lock; on PostgreSQL several machines may start at once.
    """
    with engine.execution_options(supafleet_writing=True).begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        command.upgrade(alembic_config(connection), "head")


def is_current(engine: Engine) -> bool:
    """Whether the database has this version's tables."""
    with engine.connect() as connection:
        script = ScriptDirectory.from_config(alembic_config(connection))
        return MigrationContext.configure(connection).get_current_revision() == script.get_current_head()
