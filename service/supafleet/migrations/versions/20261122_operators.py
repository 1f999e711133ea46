"""Operators of the installation."""

import sqlalchemy as sa
from alembic import op

revision = "20261122_operators"
down_revision = "20261122_lifecycle"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision: whoever is there already ran the installation."""
    with op.batch_alter_table("account") as batch:
        batch.add_column(sa.Column("is_operator", sa.Boolean(), nullable=False, server_default=sa.true()))
    with op.batch_alter_table("account") as batch:
        batch.alter_column("is_operator", server_default=None)


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("account") as batch:
        batch.drop_column("is_operator")
