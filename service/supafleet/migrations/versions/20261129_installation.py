"""The name of the installation."""

import sqlalchemy as sa
from alembic import op

revision = "20261129_installation"
down_revision = "20261122_accounts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision: the next start gives the name, for it alone knows the setting."""
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("installation")
