"""Whose role changes while a query arrives: what counts is the role when the SQL is about to run."""

import pytest

from supafleet.organizations.models import Role
from supafleet.permissions import Permission
from tests.integration.api.people import add_person, become_behind_the_gate
from tests.integration.api.test_database_api import Database, database, gateway

__all__ = ["database", "gateway"]


@pytest.mark.parametrize(
    ("path", "status"),
    # Studio's readers are let in, as somebody who cannot write.
    [("/v1/projects/{ref}/database/query", 403), ("/platform/pg-meta/{ref}/query", 400)],
)
def test_who_becomes_a_reader_while_the_query_arrives_writes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, path: str, status: int
) -> None:
    developer = add_person(database.api, "developer", Role.DEVELOPER)
    become_behind_the_gate(monkeypatch, Permission.DATABASE_READ, database.api, developer, Role.READ_ONLY)
    answer = database.api.client.post(
        path.format(ref=database.ref), json={"query": "insert into a"}, headers=developer.headers
    )
    assert answer.status_code == status, answer.text
    assert database.gateway.queries == []
