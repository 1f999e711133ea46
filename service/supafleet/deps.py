"""What routes ask for: who calls, and the settings."""

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Depends, Path, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection

from supafleet import access
from supafleet.accounts import service as accounts
from supafleet.accounts import sessions
from supafleet.accounts.service import Actor, Recognized
from supafleet.accounts.signing import TokenSigner
from supafleet.audit import trail
from supafleet.db import Besides, unit_of_work, utc_now
from supafleet.errors import AppError, Unauthorized
from supafleet.jobs.engine import JobEngine
from supafleet.organizations.models import Place
from supafleet.permissions import Permission
from supafleet.projects import outlines
from supafleet.projects.models import Outline
from supafleet.routing import Gate
from supafleet.settings import Settings

#: What the gates of a request asked last, and who that was.
_KNOWN = "supafleet.known"
#: How long a revoked token still reads what it began to read.
STANDING_SECONDS = 10.0

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


async def get_current_actor(request: Request) -> Actor:
    """The account behind the token, as the route's gate recognized it.

    Raises:
        Unauthorized: the route has no gate.
    """
    if _KNOWN not in request.scope:
        raise Unauthorized
    return _recognized(request).actor


JobsDep = Annotated[JobEngine, Depends(get_jobs)]
SettingsDep = Annotated[Settings, Depends(get_settings)]
CurrentActor = Annotated[Actor, Depends(get_current_actor)]


class Requires(HTTPBearer, Gate):
    """The gate of a route: a valid token, whose account's role allows the permission where the path leads.

    Both are looked up by what only reads, so that nobody without a token ever holds the write lock of a change.
    """

    def __init__(self, permission: Permission) -> None:
        super().__init__(
            auto_error=False,
            scheme_name="personal_access_token",
            description="A personal access token (sbp_ and 40 hexadecimal digits), or the access token of a sign-in.",
        )
        self.permission = permission

    async def __call__(self, request: HTTPConnection) -> HTTPAuthorizationCredentials | None:
        """Refuse the request of nobody, and of an account that may not do this."""
        credentials = await super().__call__(request)
        passed: list[Requires] = request.scope.setdefault("supafleet.gates", [])
        if self not in passed:
            await self._look(request, credentials)
            passed.append(self)
        return credentials

    async def look_again(self, request: HTTPConnection) -> None:
        """Refuse a request that goes on for long, once its token is worth nothing or its account may not any more."""
        request.scope.pop(_KNOWN, None)
        await self._look(request, await super().__call__(request))

    async def _look(self, request: HTTPConnection, credentials: HTTPAuthorizationCredentials | None) -> None:
        besides = self.besides(request.path_params)
        asked, recognized = request.scope.get(_KNOWN, (None, None))
        if recognized is None or asked != besides:  # else another gate of the route has just asked the same
            recognized = await _recognize(request, credentials, besides)
            request.scope[_KNOWN] = (besides, recognized)
            if recognized.token_to_note is not None:  # what is refused is a use, too
                await run_in_threadpool(_note_use, request.app.state.engine, recognized.token_to_note)
        actor = recognized.actor
        trail.note_actor(actor.account_id, actor.username)
        request.state.place = self.check(actor, request.path_params, recognized.told)

    def besides(self, path: Mapping[str, str]) -> Besides | None:
        """What is to be known for the check, as far as it can be asked for together with the account."""
        return access.besides(self.permission, path)

    def check(self, actor: Actor, path: Mapping[str, str], told: Sequence[Any]) -> Place | None:
        """Refuse an account whose role does not allow it; where it stands."""
        return access.check(actor, self.permission, path, told)


class RequiresProject(Requires):
    """The gate of a route that tells a project in short: the statement that finds the account finds it, too."""

    def besides(self, path: Mapping[str, str]) -> Besides | None:
        """Ask for the project together with the place."""
        besides = super().besides(path)
        return None if besides is None else outlines.outline_besides(besides)


class RequiresProjects(Requires):
    """The gate of a route that tells all projects of the account: one statement finds it and them."""

    def besides(self, path: Mapping[str, str]) -> Besides | None:  # noqa: ARG002 - whatever the path names
        """Ask for the projects."""
        return outlines.outlines_besides()


async def get_current_outlines(request: Request) -> list[Outline]:
    """The account's projects as the route's gate found them, which must be a `RequiresProjects`."""
    return outlines.outlines_of(_recognized(request).told)


async def get_current_outline(ref: ProjectRef, request: Request) -> Outline:  # noqa: ARG001 - for the document
    """The project as the route's gate found it, which must be a `RequiresProject`."""
    return outlines.outline_of(_recognized(request).told)


async def get_current_place(request: Request) -> Place:
    """Where the account stands now: the gate came before the body, which may have taken its time.

    Raises:
        Unauthorized: the token is worth nothing any more, or the route has no gate at an organization or a project.
        Forbidden: the account may not any more what the gate is for.
    """
    for gate in request.scope.get("supafleet.gates", []):
        await gate.look_again(request)
    place: Place | None = getattr(request.state, "place", None)
    if place is None:
        raise Unauthorized
    return place


CurrentPlace = Annotated[Place, Depends(get_current_place)]
CurrentOutlines = Annotated[list[Outline], Depends(get_current_outlines)]
CurrentOutline = Annotated[Outline, Depends(get_current_outline)]


class RequiresInBody(Requires):
    """A permission in an organization that the request's body names: the domain's own rule asks for it."""

    def besides(self, path: Mapping[str, str]) -> Besides | None:
        """Ask for nothing yet."""

    def check(self, actor: Actor, path: Mapping[str, str], told: Sequence[Any]) -> None:
        """Refuse nobody yet."""


def _recognized(request: HTTPConnection) -> Recognized:
    """Whom the gates of the route have let through."""
    recognized: Recognized = request.scope[_KNOWN][1]
    return recognized


async def _recognize(
    request: HTTPConnection, credentials: HTTPAuthorizationCredentials | None, besides: Besides | None
) -> Recognized:
    """The account behind the token.

    Raises:
        Unauthorized: no token, or not a valid one.
    """
    if credentials is None:
        raise Unauthorized
    token, now = credentials.credentials, utc_now()
    state = request.app.state
    if accounts.TOKEN_PATTERN.fullmatch(token):
        return await accounts.recognize_token(state.rows, token, now, besides)
    return await sessions.recognize(state.rows, state.signer.read(token), now, besides)


def _note_use(engine: Engine, token_id: int) -> None:
    with unit_of_work(engine) as session:
        accounts.note_token_use(session, token_id, utc_now())


class Standing:
    """Whether the account may still have what a long answer tells: it is asked again while the answer goes on."""

    def __init__(self, request: HTTPConnection) -> None:
        self._request = request
        self._asked_at = time.monotonic()

    async def refusal(self) -> str | None:
        """Why it may not any more, None while it may; it is looked at again when the last look is some seconds old."""
        if time.monotonic() - self._asked_at < STANDING_SECONDS:
            return None
        try:
            for gate in self._request.scope.get("supafleet.gates", []):
                await gate.look_again(self._request)
        except AppError as refusal:
            return refusal.message
        except SQLAlchemyError:
            pass  # a database that is away for a while tells nothing about anybody
        self._asked_at = time.monotonic()
        return None


async def get_standing(request: Request) -> Standing:
    """What a route with a long answer asks for."""
    return Standing(request)


CurrentStanding = Annotated[Standing, Depends(get_standing)]


def needs(*permissions: Permission) -> list[Any]:
    """The `dependencies=` of a route that needs these permissions."""
    return [Depends(Requires(permission)) for permission in permissions]
