"""What routes ask for: who calls, and the settings."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from supafleet.accounts import service as accounts
from supafleet.accounts.service import Actor
from supafleet.db import EngineDep, reading, unit_of_work, utc_now
from supafleet.errors import Unauthorized
from supafleet.jobs.engine import JobEngine
from supafleet.settings import Settings

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="personal_access_token",
    description="A personal access token: sbp_ and 40 hexadecimal digits.",
)


def get_settings(request: Request) -> Settings:
    """The application's settings."""
    settings: Settings = request.app.state.settings
    return settings


def get_jobs(request: Request) -> JobEngine:
    """The application's job engine."""
    jobs: JobEngine = request.app.state.jobs
    return jobs


def get_current_actor(
    engine: EngineDep, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Actor:
    """The account behind the token.

    It has a session of its own, so that a caller without a token never holds the write lock of a change.

    Raises:
        Unauthorized: no token, or not a valid one.
    """
    if credentials is None:
        raise Unauthorized
    now = utc_now()
    with reading(engine) as session:
        recognized = accounts.recognize_token(session, credentials.credentials, now)
    if recognized.use_is_due:
        with unit_of_work(engine) as session:
            accounts.note_token_use(session, recognized.token_id, now)
    return recognized.actor


JobsDep = Annotated[JobEngine, Depends(get_jobs)]
SettingsDep = Annotated[Settings, Depends(get_settings)]
CurrentActor = Annotated[Actor, Depends(get_current_actor)]
