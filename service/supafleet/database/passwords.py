"""Changing the password of the database, everywhere it is."""

import time

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.engine import Engine

from supafleet.accounts.service import Actor
from supafleet.database import postgres
from supafleet.database.credentials import scram_verifier
from supafleet.database.gateway import Gateways, ReachedProject
from supafleet.database.postgres import NEXT_SECRET, Login
from supafleet.database.service import locate
from supafleet.db import unit_of_work
from supafleet.errors import ProjectBusy
from supafleet.jobs.engine import JobEngine
from supafleet.projects import configuration
from supafleet.runs import service as runs
from supafleet.settings import Settings
from supafleet.waiting import call_waiting, room_of

_REASON = "Database password changed."
_OWNER_SECRET = "postgres_password"  # noqa: S105 - a name
_LOOK_SECONDS = 0.5
_IDLE_SECONDS = 300.0


async def change_password(
    gateways: Gateways, engine: Engine, jobs: JobEngine, settings: Settings, ref: str, actor: Actor, password: str
) -> None:
    """Change it in the database, then in the services that log in with it; return when that was seen to be applied.

    A run that is underway comes first: its services would be given the old one. The new one is kept beside the old one
    until both know it. So when this process dies in between, the database can still be reached, and asking again ends
    the change.

    Raises:
        ProjectNotUp: nobody answers for the project, now or after the run that is underway.
        ProjectBusy: the run that is underway has not ended within five minutes.
        TooManyRequests: too many requests wait for this project already.
        NotApplied: the services were not seen to work with it.
    """

    def propose() -> ReachedProject:
        # What an interrupted change left is still needed to log in.
        before = locate(engine, ref, actor, settings)
        with unit_of_work(engine) as session:
            runs.require_idle(session, ref)
            configuration.keep_secret(session, ref, NEXT_SECRET, password, settings, replace=True)
        return before

    def propose_when_idle() -> ReachedProject:
        until = time.monotonic() + _IDLE_SECONDS
        while True:
            try:
                return propose()
            except ProjectBusy:
                if time.monotonic() >= until:
                    raise
            time.sleep(_LOOK_SECONDS)

    def adopt() -> int | None:
        with unit_of_work(engine) as session:
            changed = {_OWNER_SECRET: password, NEXT_SECRET: None}
            return configuration.change_secrets(session, jobs, ref, changed, actor, _REASON, settings)

    query = postgres.fill(
        postgres.statement("change_password"),
        owner=scram_verifier(password),
        administrator=scram_verifier(password),
    )
    with room_of(f"the project {ref}"):
        before = await call_waiting(propose_when_idle)
        await postgres.run(gateways, before, Login.ADMINISTRATOR, query)
        generation = await run_in_threadpool(adopt)
        await call_waiting(configuration.wait_until_applied, engine, ref, generation)
