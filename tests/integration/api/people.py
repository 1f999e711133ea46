"""Somebody with an account, a token, and a role in the first organization or none."""

from dataclasses import dataclass

from sqlmodel import col, select

from supafleet.accounts import service as accounts
from supafleet.accounts.models import Account
from supafleet.db import row_id, unit_of_work
from supafleet.organizations import service as organizations
from supafleet.organizations.models import Organization, Role
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


def add_stranger(api: Api) -> Person:
    """Somebody with an organization of their own, and no other."""
    stranger = add_person(api, "stranger")
    with unit_of_work(api.engine) as session:
        organizations.create_organization(session, "Another", row_id(stranger.account))
    return stranger
