"""Passwords, sign-ins, expiry of tokens, invitations, and the record of changes."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_accounts"
down_revision = "20261122_functions"
branch_labels = None
depends_on = None

_ROLES = "role IN ('owner', 'administrator', 'developer', 'read_only')"


def upgrade() -> None:
    """Go to this revision."""
    with op.batch_alter_table("account") as batch:
        batch.add_column(sa.Column("password_hash", sa.String(length=255), nullable=True))
    with op.batch_alter_table("access_token") as batch:
        batch.add_column(_time("expires_at", nullable=True))
        batch.add_column(_time("revoked_at", nullable=True))
    op.create_table(
        "sign_in_session",
        sa.Column("id", sa.String(length=36), nullable=False),
        _number("account_id"),
        _time("created_at"),
        _time("expires_at"),
        _time("ended_at", nullable=True),
        _foreign_key("sign_in_session", "account_id", "account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_session")),
    )
    op.create_index(op.f("ix_sign_in_session_account_id"), "sign_in_session", ["account_id"])
    op.create_table(
        "refresh_token",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        _time("used_at", nullable=True),
        _foreign_key("refresh_token", "session_id", "sign_in_session"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_token")),
    )
    op.create_index(op.f("ix_refresh_token_session_id"), "refresh_token", ["session_id"])
    op.create_table(
        "sign_in_failure",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        _time("failed_at"),
        _time("locked_until", nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sign_in_failure")),
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        _number("organization_id"),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        _number("invited_by"),
        _time("created_at"),
        _time("expires_at"),
        sa.CheckConstraint(_ROLES, name=op.f("ck_invitation_role")),
        _foreign_key("invitation", "organization_id", "organization"),
        _foreign_key("invitation", "invited_by", "account"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("organization_id", "email", name=op.f("uq_invitation_organization_id_email")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    op.create_index(op.f("ix_invitation_invited_by"), "invitation", ["invited_by"])
    op.create_table(
        "installation_secret",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("ciphertext", sa.String(), nullable=False),
        _time("updated_at"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installation_secret")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        _time("at"),
        _number("account_id", nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=True),
        sa.Column("operation", sa.String(length=128), nullable=False),
        sa.Column("target", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=False),
        _number("organization_id", nullable=True),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("request_id", sa.String(length=32), nullable=True),
        sa.CheckConstraint("outcome IN ('done', 'refused', 'failed')", name=op.f("ck_audit_entry_outcome")),
        _foreign_key("audit_entry", "account_id", "account"),
        _foreign_key("audit_entry", "organization_id", "organization"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index(op.f("ix_audit_entry_at"), "audit_entry", ["at"])
    op.create_index(op.f("ix_audit_entry_organization_id_id"), "audit_entry", ["organization_id", "id"])


def downgrade() -> None:
    """Go back."""
    for table in ("audit_entry", "installation_secret", "invitation", "sign_in_failure"):
        op.drop_table(table)
    for table in ("refresh_token", "sign_in_session"):
        op.drop_table(table)
    with op.batch_alter_table("access_token") as batch:
        batch.drop_column("revoked_at")
        batch.drop_column("expires_at")
    with op.batch_alter_table("account") as batch:
        batch.drop_column("password_hash")


def _time(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _foreign_key(table: str, column: str, referred: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{referred}.id"], name=op.f(f"fk_{table}_{column}_{referred}"))
