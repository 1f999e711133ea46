"""Changing the password of the database, everywhere it is."""

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.engine import Engine

from supafleet.accounts.service import Actor
from supafleet.database import postgres
from supafleet.database.credentials import scram_verifier
from supafleet.database.gateway import Gateways
from supafleet.database.postgres import NEXT_SECRET, Login
from supafleet.database.service import locate
from supafleet.db import unit_of_work
from supafleet.jobs.engine import JobEngine
from supafleet.projects import configuration
from supafleet.runs import service as runs
from supafleet.settings import Settings
from supafleet.waiting import call_waiting

_REASON = "Database password changed."
_OWNER_SECRET = "postgres_password"  # noqa: S105 - a name


async def change_password(
    gateways: Gateways, engine: Engine, jobs: JobEngine, settings: Settings, ref: str, actor: Actor, password: str
) -> None:
    """Change it in the database, then in the services that log in with it; return when that was seen to be applied.

    The new one is kept beside the old one until both know it. So when this process dies in between, the database can
    still be reached, and asking again ends the change.

    Raises:
        ProjectBusy: a run is underway, whose services would be given the old one.
        NotApplied: the services were not seen to work with it.
    """

    def propose() -> None:
        with unit_of_work(engine) as session:
            runs.require_idle(session, ref)
            configuration.keep_secret(session, ref, NEXT_SECRET, password, settings, replace=True)

    def adopt() -> int | None:
        with unit_of_work(engine) as session:
            changed = {_OWNER_SECRET: password, NEXT_SECRET: None}
            return configuration.change_secrets(session, jobs, ref, changed, actor, _REASON, settings)

    # What an interrupted change left is still needed to log in.
    before = await run_in_threadpool(locate, engine, ref, actor, settings)
    await run_in_threadpool(propose)
    query = postgres.fill(
        postgres.statement("change_password"),
        owner=scram_verifier(password),
        administrator=scram_verifier(password),
    )
    await postgres.run(gateways, before, Login.ADMINISTRATOR, query)
    generation = await run_in_threadpool(adopt)
    await call_waiting(configuration.wait_until_applied, engine, ref, generation)
