"""API shapes of runs and their events."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from supafleet.runs.vocabulary import RunKind, RunStatus


class PhaseOut(BaseModel):
    """One phase of a run and the time it took."""

    name: str
    started_at: datetime
    ended_at: datetime
    seconds: float


class RunOut(BaseModel):
    """A run: what was done to which project, by whom, and how it went."""

    id: str
    kind: RunKind
    project_ref: str
    actor: str
    driver: str
    status: RunStatus
    attempt: int = Field(description="How often it was begun: more than 1 when a killed worker's run was taken up.")
    reason: str | None = Field(description="Why it was asked for, when no person did.")
    options: dict[str, Any] = Field(description="What it was asked to do beside its kind.")
    phase: str | None
    explanation: str | None = Field(description="Why it ended as it did; null when it succeeded.")
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    playbooks_commit: str | None
    phases: list[PhaseOut]
    services: dict[str, str]


class EventOut(BaseModel):
    """One event of a run."""

    number: int
    at: datetime
    kind: str
    phase: str | None
    task: str | None
    message: str | None
    services: dict[str, dict[str, Any]] | None
    detail: dict[str, Any] | None
