"""Pause, resume, restart and converge; looks at Docker hosts; self-healing."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261122_lifecycle"
down_revision = "20261122_first"
branch_labels = None
depends_on = None

_KINDS = ("project_create", "project_delete", "project_observe")
_MORE_KINDS = (
    *("project_create", "project_converge", "project_pause", "project_resume", "project_restart"),
    *("project_delete", "project_observe"),
)
_STATUSES = ("COMING_UP", "ACTIVE_HEALTHY", "ACTIVE_UNHEALTHY", "INIT_FAILED", "GOING_DOWN", "REMOVED")
_MORE_STATUSES = (
    *("COMING_UP", "ACTIVE_HEALTHY", "ACTIVE_UNHEALTHY", "INIT_FAILED", "PAUSING", "INACTIVE", "PAUSE_FAILED"),
    *("RESTORING", "RESTORE_FAILED", "RESTARTING", "GOING_DOWN", "REMOVED"),
)
_SEEN = ("UNSEEN", "HEALTHY", "UNHEALTHY", "ABSENT")
_MORE_SEEN = ("UNSEEN", "HEALTHY", "UNHEALTHY", "STOPPED", "ABSENT")
_PHASES = ("missing", "created", "starting", "healthy", "unhealthy", "exited", "restarting")


def upgrade() -> None:
    """Go to this revision."""
    _change("run", {"kind": _MORE_KINDS})
    _change(
        "project",
        {"desired_state": ("ACTIVE", "PAUSED", "REMOVED"), "observed_state": _MORE_SEEN, "status": _MORE_STATUSES},
    )
    _change("project_service", {"phase": (*_PHASES, "unexpected")})
    with op.batch_alter_table("run") as batch:
        batch.add_column(sa.Column("reason", sa.Text(), nullable=True))
        batch.add_column(sa.Column("options", _json(), nullable=False, server_default="{}"))
        batch.add_column(sa.Column("generation", sa.Integer(), nullable=True))
    with op.batch_alter_table("project") as batch:
        batch.add_column(sa.Column("attempted_generation", sa.Integer(), nullable=False, server_default="1"))
        batch.add_column(sa.Column("self_healing", sa.Boolean(), nullable=False, server_default=sa.true()))
        batch.add_column(sa.Column("heals", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("heal_after", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("docker_host") as batch:
        batch.add_column(sa.Column("next_look", sa.Float(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("observation_error", sa.Text(), nullable=True))
        batch.add_column(sa.Column("strangers", _json(), nullable=False, server_default="[]"))


def downgrade() -> None:
    """Go back; rows that use the new words have to be gone."""
    columns = {
        "docker_host": ("next_look", "observed_at", "looked_at", "observation_error", "strangers"),
        "project": ("attempted_generation", "self_healing", "heals", "heal_after"),
        "run": ("reason", "options", "generation"),
    }
    for table, names in columns.items():
        for name in names:
            op.drop_column(table, name)
    _change("run", {"kind": _KINDS})
    _change("project", {"desired_state": ("ACTIVE", "REMOVED"), "observed_state": _SEEN, "status": _STATUSES})
    _change("project_service", {"phase": _PHASES})


def _json() -> sa.types.TypeEngine[Any]:
    return sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _change(table: str, vocabularies: dict[str, tuple[str, ...]]) -> None:
    """Let the columns hold exactly these words."""
    with op.batch_alter_table(table) as batch:
        for column, words in vocabularies.items():
            name = op.f(f"ck_{table}_{column}")
            batch.drop_constraint(name, type_="check")
            batch.create_check_constraint(name, f"{column} IN ({', '.join(repr(word) for word in words)})")
