"""Shapes of the record of changes in the API."""

from datetime import datetime

from pydantic import BaseModel, Field

from supafleet.audit.models import Outcome


class AuditEntryResponse(BaseModel):
    """One change that somebody asked for."""

    id: int
    at: datetime
    actor: str | None = Field(description="Name of the account; null for a sign-in with an unknown mail address.")
    operation: str = Field(description="The operation's id in the OpenAPI document.")
    target: dict[str, str] = Field(
        description="What the request's path named, and what the change made or was made for."
    )
    address: str | None = Field(description="Where the request came from.")
    status: int = Field(description="Status of the answer.")
    outcome: Outcome
    request_id: str | None = Field(description="Id of the request in the service's log.")


class AuditPage(BaseModel):
    """Changes, the newest first."""

    entries: list[AuditEntryResponse]
    next: int | None = Field(description="What to give as `before` for the next page; null on the last one.")
