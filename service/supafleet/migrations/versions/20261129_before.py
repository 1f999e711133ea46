"""What a run's project was before the run was asked for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261129_before"
down_revision = "20261129_installation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("run") as batch:
        batch.add_column(
            sa.Column("project_before", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True)
        )


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("run") as batch:
        batch.drop_column("project_before")
