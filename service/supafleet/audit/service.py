"""The rules of the record of changes: what a row says, who reads which, and how long it is kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session

from supafleet.audit import repository
from supafleet.audit.models import AuditEntry, Outcome
from supafleet.audit.trail import Trail

_LONGEST_WORD = 64
#: What a route notes by itself may be a sentence; its length is bounded there, too.
_LONGEST_NOTE = 512


def make_entry(
    notes: Trail,
    *,
    operation: str,
    path: Mapping[str, Any],
    status: int,
    address: str,
    request_id: str | None,
) -> AuditEntry:
    """The row of one change."""
    return AuditEntry.model_validate(
        {
            "account_id": notes.account_id,
            "actor": notes.actor,
            "operation": operation[:128],
            "target": {
                **{name: _printable(str(value))[:_LONGEST_WORD] for name, value in path.items()},
                **{name: _printable(value)[:_LONGEST_NOTE] for name, value in notes.target.items()},
            },
            "organization_id": notes.organization_id,
            "address": address[:_LONGEST_WORD],
            "status": status,
            "outcome": _outcome(status),
            "request_id": request_id,
        }
    )


def list_entries(
    session: Session, organization_id: int | None, before: int | None, limit: int
) -> tuple[list[AuditEntry], int | None]:
    """A page of an organization's changes, or of those that belong to none; and where the next page begins."""
    rows = repository.list_entries(session, organization_id, before, limit + 1)
    page = rows[:limit]
    return page, page[-1].id if len(rows) > limit else None


def forget_before(session: Session, moment: datetime) -> int:
    """Remove old rows; how many there were."""
    return repository.delete_before(session, moment)


def _outcome(status: int) -> Outcome:
    if status < 400:
        return Outcome.DONE
    return Outcome.REFUSED if status < 500 else Outcome.FAILED


def _printable(value: str) -> str:
    # PostgreSQL stores no zero character, and a path may hold anything.
    return "".join(character if character.isprintable() else "?" for character in value)
