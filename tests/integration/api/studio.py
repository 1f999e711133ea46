"""What the tests of Studio's routes share: accounts with roles, and the secrets that answers are compared with."""

from supafleet.accounts import service as accounts
from supafleet.db import reading, row_id, unit_of_work
from supafleet.organizations import service as organizations
from supafleet.organizations.models import Membership, Role
from supafleet.projects import service as projects
from tests.integration.api.conftest import Api


def member(api: Api, role: Role | None) -> str:
    """Token of a new account with this role in the owner's organization; None: in one of its own alone."""
    slug = api.organization
    with unit_of_work(api.engine) as session:
        name = role or "stranger"
        account = accounts.create_account(session, email=f"{name}@example.com", username=f"a {name}")
        token = accounts.generate_token()
        accounts.register_token(session, account, "test", token)
        if role is None:
            organizations.create_organization(session, "Another", row_id(account))
        else:
            organization_id = organizations.find_id(session, slug)
            fields = {"organization_id": organization_id, "account_id": row_id(account), "role": role}
            session.add(Membership.model_validate(fields))
    return token


def secrets_of(api: Api, ref: str) -> dict[str, str]:
    with reading(api.engine) as session:
        project = projects.find_project(session, ref)
        assert project is not None
        return projects.reveal_secrets(session, project, api.settings)
