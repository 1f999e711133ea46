"""A session that only reads holds nothing back, and cannot write."""

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from supafleet.db import WriteRefusedError, reading, unit_of_work
from supafleet.organizations.models import Organization
from tests.integration.api.conftest import Api


def names(api: Api) -> list[str]:
    with reading(api.engine) as session:
        return list(session.exec(select(Organization.name)))


def test_what_only_reads_cannot_write(api: Api) -> None:
    before = names(api)
    with reading(api.engine) as session:
        session.exec(select(Organization)).one().name = "Changed by a row"
        with pytest.raises(WriteRefusedError):
            session.exec(select(Organization)).one()
    with reading(api.engine) as session, pytest.raises(WriteRefusedError):
        session.execute(sa.update(Organization).values({"name": "Changed by a statement"}))
    with reading(api.engine) as session:
        session.delete(session.exec(select(Organization)).one())
        with pytest.raises(WriteRefusedError):
            session.commit()
    assert names(api) == before


def test_what_only_reads_sees_what_was_committed_meanwhile(api: Api) -> None:
    with reading(api.engine) as session:
        first = session.exec(select(Organization.name)).one()
        with unit_of_work(api.engine) as writing:
            writing.execute(sa.update(Organization).where(col(Organization.name) == first).values({"name": "Renamed"}))
        assert session.exec(select(Organization.name)).one() == "Renamed"
