"""Whose role changes while a query arrives: what counts is the role when the SQL is about to run."""

from typing import Any

import pytest

from supafleet.deps import Requires
from supafleet.organizations.models import Place, Role
from supafleet.projects.states import Status
from tests.integration.api.conftest import Api
from tests.integration.api.fake_gateway import FakeGateway
from tests.integration.api.people import add_person, become
from tests.integration.api.test_database_api import Database, gateway, set_status

__all__ = ["gateway"]


@pytest.fixture
def database(api: Api, gateway: FakeGateway) -> Database:
    ref = api.create()["ref"]
    set_status(api, ref, Status.ACTIVE_HEALTHY)
    return Database(api, gateway, ref)


@pytest.mark.parametrize("path", ["/v1/projects/{ref}/database/query", "/platform/pg-meta/{ref}/query"])
def test_who_becomes_a_reader_while_the_query_arrives_writes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    developer = add_person(database.api, "developer", Role.DEVELOPER)
    check = Requires.check

    def check_and_demote(gate: Requires, *arguments: Any) -> Place | None:
        place = check(gate, *arguments)
        become(database.api, developer, Role.READ_ONLY)
        return place

    monkeypatch.setattr(Requires, "check", check_and_demote)
    answer = database.api.client.post(
        path.format(ref=database.ref), json={"query": "insert into a"}, headers=developer.headers
    )
    assert answer.status_code in (400, 403), answer.text
    assert database.gateway.queries == []
