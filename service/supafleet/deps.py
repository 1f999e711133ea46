"""What routes ask for: who calls, and the settings."""

from typing import Annotated, Any

from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.engine import Engine

from supafleet import access
from supafleet.accounts import service as accounts
from supafleet.accounts import sessions
from supafleet.accounts.service import Actor
from supafleet.accounts.signing import TokenSigner
from supafleet.audit import trail
from supafleet.db import EngineDep, reading, unit_of_work, utc_now
from supafleet.errors import Unauthorized
from supafleet.jobs.engine import JobEngine
from supafleet.permissions import Permission
from supafleet.settings import Settings

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="personal_access_token",
    description="A personal access token (sbp_ and 40 hexadecimal digits), or the access token of a sign-in.",
)


ProjectRef = Annotated[str, Path(description="Ref of the project: 20 lowercase letters.")]


# What only looks something up is asynchronous: FastAPI sends every other dependency through a thread, which costs more.


async def get_settings(request: Request) -> Settings:
    """The application's settings."""
    settings: Settings = request.app.state.settings
    return settings


async def get_jobs(request: Request) -> JobEngine:
    """The application's job engine."""
    jobs: JobEngine = request.app.state.jobs
    return jobs


async def get_signer(request: Request) -> TokenSigner:
    """What makes and reads the access tokens of sign-ins."""
    signer: TokenSigner = request.app.state.signer
    return signer


SignerDep = Annotated[TokenSigner, Depends(get_signer)]


def get_current_actor(
    engine: EngineDep, signer: SignerDep, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Actor:
    """The account behind the token.

    It has a session of its own, so that a caller without a token never holds the write lock of a change.

    Raises:
        Unauthorized: no token, or not a valid one.
    """
    if credentials is None:
        raise Unauthorized
    actor = _recognize(engine, signer, credentials.credentials)
    trail.note_actor(actor.account_id, actor.username)
    return actor


def _recognize(engine: Engine, signer: TokenSigner, token: str) -> Actor:
    now = utc_now()
    if not accounts.TOKEN_PATTERN.fullmatch(token):
        claims = signer.read(token)
        with reading(engine) as session:
            return sessions.recognize(session, claims, now)
    with reading(engine) as session:
        recognized = accounts.recognize_token(session, token, now)
    if recognized.use_is_due:
        with unit_of_work(engine) as session:
            accounts.note_token_use(session, recognized.token_id, now)
    return recognized.actor


JobsDep = Annotated[JobEngine, Depends(get_jobs)]
SettingsDep = Annotated[Settings, Depends(get_settings)]
CurrentActor = Annotated[Actor, Depends(get_current_actor)]


class Requires:
    """A route's permission: what the account's role in the organization that the path is about must allow."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission

    def __call__(
        self, request: Request, engine: EngineDep, actor: Annotated[Actor, Depends(get_current_actor)]
    ) -> None:
        """Refuse the request of an account that may not do this."""
        with reading(engine) as session:
            access.check(session, actor, self.permission, request.path_params)


class RequiresInBody(Requires):
    """A permission in an organization that the request's body names: the domain's own rule asks for it."""

    async def __call__(  # type: ignore[override]  # FastAPI takes either
        self, actor: Annotated[Actor, Depends(get_current_actor)]
    ) -> None:
        """Refuse nobody yet."""


def needs(*permissions: Permission) -> list[Any]:
    """The `dependencies=` of a route that needs these permissions."""
    return [Depends(Requires(permission)) for permission in permissions]
