"""One history of tables for both databases."""

from alembic import command
from sqlalchemy import inspect, text

from supafleet.db import engine_from_url
from supafleet.migrations.upgrade import alembic_config, is_current, upgrade_database


def test_the_history_makes_exactly_the_tables_of_the_models_and_back(database_url: str) -> None:
    engine = engine_from_url(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE workflow_status (id integer)"))
    assert not is_current(engine)
    upgrade_database(engine)
    upgrade_database(engine)
    assert is_current(engine)
    with engine.connect() as connection:
        command.check(alembic_config(connection))
    with engine.execution_options(supafleet_writing=True).begin() as connection:
        command.downgrade(alembic_config(connection), "base")
    # Tables of the job engine in the same database are not ours to drop.
    assert set(inspect(engine).get_table_names()) == {"workflow_status", "alembic_version"}
    engine.dispose()
