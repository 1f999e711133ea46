"""Edge functions, their secrets, and API keys."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_functions"
down_revision = "20261122_operators"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this revision."""
    op.create_table(
        "function_bundle",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("entrypoint_path", sa.String(length=512), nullable=False),
        sa.Column("import_map_path", sa.String(length=512), nullable=True),
        sa.Column("static_patterns", _json(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_function_bundle_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_function_bundle")),
        sa.UniqueConstraint("project_id", "slug", "sha256", name=op.f("uq_function_bundle_project_id_slug_sha256")),
    )
    op.create_table(
        "function_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("bundle_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bundle_id"], ["function_bundle.id"], name=op.f("fk_function_file_bundle_id_function_bundle")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_function_file")),
        sa.UniqueConstraint("bundle_id", "path", name=op.f("uq_function_file_bundle_id_path")),
    )
    op.create_table(
        "edge_function",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("verify_jwt", sa.Boolean(), nullable=False),
        sa.Column("bundle_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_edge_function_project_id_project")),
        sa.ForeignKeyConstraint(
            ["bundle_id"], ["function_bundle.id"], name=op.f("fk_edge_function_bundle_id_function_bundle")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edge_function")),
        sa.UniqueConstraint("project_id", "slug", name=op.f("uq_edge_function_project_id_slug")),
    )
    op.create_index(op.f("ix_edge_function_bundle_id"), "edge_function", ["bundle_id"])
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('publishable', 'secret')", name=op.f("ck_api_key_kind")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_api_key_project_id_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("project_id", "kind", "name", name=op.f("uq_api_key_project_id_kind_name")),
    )
    with op.batch_alter_table("project_secret") as batch:
        batch.alter_column("name", existing_type=sa.String(length=64), type_=sa.String(length=128))


def downgrade() -> None:
    """Go back; secrets with longer names have to be gone."""
    with op.batch_alter_table("project_secret") as batch:
        batch.alter_column("name", existing_type=sa.String(length=128), type_=sa.String(length=64))
    op.drop_table("api_key")
    op.drop_table("edge_function")
    op.drop_table("function_file")
    op.drop_table("function_bundle")


def _json() -> sa.types.TypeEngine[Any]:
    return sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
