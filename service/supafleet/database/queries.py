"""Running a client's query: as the owner of the database, or so that it cannot write whatever it says."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.engine import Engine

from supafleet.database import postgres
from supafleet.database.credentials import scram_verifier
from supafleet.database.gateway import Gateways, ReachedProject
from supafleet.database.postgres import READER_SECRET, Login, LoginRefused
from supafleet.database.statements import require_reading
from supafleet.db import unit_of_work
from supafleet.keys import generate_password
from supafleet.projects import configuration
from supafleet.settings import Settings


async def run_query(gateways: Gateways, project: ReachedProject, query: str, parameters: Sequence[Any] | None) -> bytes:
    """Run a query as `postgres`; its rows as a JSON array."""
    return await postgres.run(gateways, project, Login.OWNER, query, parameters)


async def run_read_only_query(
    gateways: Gateways,
    engine: Engine,
    settings: Settings,
    project: ReachedProject,
    query: str,
    parameters: Sequence[Any] | None,
) -> bytes:
    """Run a query as `supabase_read_only_user`, in a transaction that is read-only to its end; its rows as JSON.

    Raises:
        NotReadOnly: it holds a statement that could leave that transaction.
    """
    await require_reading(gateways, project, query)
    project = await with_reader(engine, settings, project)
    try:
        return await postgres.run(gateways, project, Login.READER, query, parameters)
    except LoginRefused:
        # The image gives the role no password, and a restored database knows another one.
        await admit_reader(gateways, project)
        return await postgres.run(gateways, project, Login.READER, query, parameters)


async def with_reader(engine: Engine, settings: Settings, project: ReachedProject) -> ReachedProject:
    """The project with the reader's password among its secrets, made when there is none."""
    if READER_SECRET in project.secrets:
        return project

    def keep() -> str:
        with unit_of_work(engine) as session:
            return configuration.keep_secret(session, project.ref, READER_SECRET, generate_password(), settings)

    return dataclasses.replace(project, secrets={**project.secrets, READER_SECRET: await run_in_threadpool(keep)})


async def admit_reader(gateways: Gateways, project: ReachedProject) -> None:
    """Let the database know the reader's password."""
    verifier = scram_verifier(project.secrets[READER_SECRET])
    template = postgres.statement("admit_reader")
    await postgres.run(gateways, project, Login.ADMINISTRATOR, postgres.fill(template, verifier=verifier))
