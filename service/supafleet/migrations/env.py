"""Run by Alembic: revisions and checks on the connection it is given."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.runtime.migration import MigrationContext
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from supafleet import db
from supafleet.migrations import tables

_TABLES = frozenset(tables.names())


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave the tables of the job engine alone: they are in the same database."""
    return kind != "table" or name in _TABLES


def render_item(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Write plain types into revisions, so that they do not depend on our classes."""
    if kind != "type":
        return False
    if isinstance(item, db.UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, sa.JSON):
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    if isinstance(item, AutoString):
        return "sa.String()" if item.length is None else f"sa.String(length={item.length})"
    return False


def compare_type(
    migrations: MigrationContext, _inspected: Any, _ours: Any, inspected_type: Any, our_type: Any
) -> bool | None:
    """Whether a column's type differs; SQLite keeps texts of any length, so a revision leaves its lengths alone."""
    are_texts = isinstance(inspected_type, sa.String) and isinstance(our_type, AutoString)
    return False if are_texts and migrations.dialect.name == "sqlite" else None


connection: sa.Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    include_name=include_name,
    render_item=render_item,
    render_as_batch=True,
    compare_type=compare_type,
)
with context.begin_transaction():
    context.run_migrations()
