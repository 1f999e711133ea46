"""Roles with which the command line of Supabase logs in for a while."""

import secrets

from supafleet.database import postgres
from supafleet.database.credentials import scram_verifier
from supafleet.database.gateway import Gateways, ReachedProject
from supafleet.database.postgres import Login
from supafleet.database.schemas import LoginRole
from supafleet.keys import generate_password

#: For how long one may log in; who is in stays.
LIFETIME_SECONDS = 600
_SUFFIX_BYTES = 6


async def create(gateways: Gateways, project: ReachedProject, *, read_only: bool) -> LoginRole:
    """A new role that may log in for a while and then become `postgres`, or only read."""
    name, password = f"cli_login_{secrets.token_hex(_SUFFIX_BYTES)}", generate_password()
    query = postgres.fill(
        postgres.statement("login_role_create"),
        role=name,
        verifier=scram_verifier(password),
        seconds=str(LIFETIME_SECONDS),
        # Without inheritance nothing is made that belongs to the short-lived role: the client becomes postgres first.
        inherit="inherit" if read_only else "noinherit",
        member_of="supabase_read_only_user" if read_only else "postgres",
    )
    await postgres.run(gateways, project, Login.ADMINISTRATOR, query)
    return LoginRole(role=name, password=password, ttl_seconds=LIFETIME_SECONDS)


async def delete_all(gateways: Gateways, project: ReachedProject) -> None:
    """End the sessions of all such roles and drop them."""
    await postgres.run(gateways, project, Login.ADMINISTRATOR, postgres.statement("login_role_delete"))
