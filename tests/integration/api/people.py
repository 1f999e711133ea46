"""Somebody with an account, a token, and a role in the first organization or none."""

from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from supafleet.accounts import service as accounts
from supafleet.accounts.models import Account
from supafleet.db import row_id, unit_of_work
from supafleet.deps import Requires
from supafleet.organizations import service as organizations
from supafleet.organizations.models import Membership, Organization, Place, Role
from supafleet.permissions import Permission
from tests.integration.api.conftest import Api


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    account: Account
    token: str

    @property
    def gotrue_id(self) -> str:
        return self.account.gotrue_id

    @property
    def email(self) -> str:
        return self.account.primary_email

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def add_person(api: Api, name: str, role: Role | None = None) -> Person:
    """Somebody new, who belongs to the first organization with a role or to none."""
    slug = api.organization
    with unit_of_work(api.engine) as session:
        account = accounts.create_account(session, email=f"{name}@example.com", username=name)
        token = accounts.generate_token()
        accounts.register_token(session, account, "test", token)
        if role is not None:
            organization_id = session.exec(select(col(Organization.id)).where(Organization.slug == slug)).one()
            organizations.add_member(session, organization_id, row_id(account), role)
    return Person(account, token)


def become(api: Api, person: Person, role: Role) -> None:
    """Give somebody another role wherever they belong."""
    with unit_of_work(api.engine) as session:
        is_theirs = col(Membership.account_id) == row_id(person.account)
        session.execute(sa.update(Membership).where(is_theirs).values({"role": role}))


def become_behind_the_gate(
    monkeypatch: pytest.MonkeyPatch, permission: Permission, api: Api, person: Person, role: Role
) -> None:
    """Give somebody another role as soon as a gate of this permission has let a request through."""
    check = Requires.check

    def check_and_change(gate: Requires, *arguments: Any) -> Place | None:
        place = check(gate, *arguments)
        if gate.permission == permission:
            become(api, person, role)
        return place

    monkeypatch.setattr(Requires, "check", check_and_change)


def add_stranger(api: Api) -> Person:
    """Somebody with an organization of their own, and no other."""
    stranger = add_person(api, "stranger")
    with unit_of_work(api.engine) as session:
        organizations.create_organization(session, "Another", row_id(stranger.account))
    return stranger
