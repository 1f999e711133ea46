"""Names of organizations and projects as long as the official API takes them."""

import sqlalchemy as sa
from alembic import op

revision = "20261129_names"
down_revision = "20261129_before"
branch_labels = None
depends_on = None

_TABLES = ("organization", "project")


def upgrade() -> None:
    """Go to this revision."""
    _set_length(64, 256)


def downgrade() -> None:
    """Go back; longer names have to be gone."""
    _set_length(256, 64)


def _set_length(old: int, new: int) -> None:
    # SQLite keeps texts of any length, and would have to make tables anew that others refer to.
    if op.get_bind().dialect.name == "sqlite":
        return
    for table in _TABLES:
        op.alter_column(table, "name", existing_type=sa.String(length=old), type_=sa.String(length=new))
