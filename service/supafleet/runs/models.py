"""Tables of runs, their events, and the workers that carry them out."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from supafleet.db import JSON_TYPE, UtcDateTime, one_of
from supafleet.runs.vocabulary import Lane, RunKind, RunStatus


class Run(SQLModel, table=True):
    """One run of a playbook for a project. It outlives the project."""

    __table_args__ = (
        one_of("kind", RunKind),
        one_of("lane", Lane),
        one_of("status", RunStatus),
        # The mutex of a project is this index, not an `if`.
        sa.Index(
            "uq_run_one_unfinished",
            "project_ref",
            "lane",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: str = Field(primary_key=True, max_length=36)
    kind: str = Field(max_length=40)
    lane: str = Field(max_length=10)
    project_ref: str = Field(max_length=40, index=True)
    host: str = Field(max_length=40)
    actor: str = Field(max_length=200)
    driver: str = Field(max_length=20)
    status: str = Field(default=RunStatus.QUEUED, max_length=12)
    attempt: int = 0
    executor: str | None = Field(default=None, max_length=80)
    priority: int = 10
    #: Why it was asked for, when no person did.
    reason: str | None = Field(default=None, sa_type=sa.Text)
    #: What it was asked to do beside its kind, such as the services to restart.
    options: dict[str, Any] = Field(default_factory=dict, sa_column=sa.Column(JSON_TYPE, nullable=False))
    #: What the project's row said before the request changed it: status, status_reason, desired_state.
    project_before: dict[str, Any] | None = Field(default=None, sa_column=sa.Column(JSON_TYPE, nullable=True))
    #: Generation of the project's wishes that its latest attempt applies.
    generation: int | None = Field(default=None)
    phase: str | None = Field(default=None, max_length=40)
    explanation: str | None = Field(default=None, sa_type=sa.Text)
    playbooks_commit: str | None = Field(default=None, max_length=80)
    services: dict[str, str] = Field(default_factory=dict, sa_column=sa.Column(JSON_TYPE, nullable=False))
    last_number: int = 0
    created_at: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    cancel_requested_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    cancel_requested_by: str | None = Field(default=None, max_length=200)


class RunEventRow(SQLModel, table=True):
    """One event of a run, numbered from 1 without gaps."""

    __tablename__ = "run_event"

    run_id: str = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE", max_length=36)
    number: int = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    kind: str = Field(max_length=40)
    phase: str | None = Field(default=None, max_length=40)
    task: str | None = Field(default=None, sa_type=sa.Text)
    message: str | None = Field(default=None, sa_type=sa.Text)
    services: dict[str, Any] | None = Field(default=None, sa_column=sa.Column(JSON_TYPE, nullable=True))
    detail: dict[str, Any] | None = Field(default=None, sa_column=sa.Column(JSON_TYPE, nullable=True))


class WorkerRow(SQLModel, table=True):
    """A process that carries out runs; `seen` is on the database's own clock."""

    __tablename__ = "worker"

    executor_id: str = Field(primary_key=True, max_length=80)
    seen: float
