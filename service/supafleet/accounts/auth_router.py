"""`/auth` and `/platform/signup`: an account's sessions."""

from typing import Annotated, Literal

from fastapi import Query, Request, Response, status

from supafleet.accounts import sessions
from supafleet.accounts.schemas import SignUpRequest, SignUpResponse, TokenRequest, TokenResponse, TokenUser
from supafleet.accounts.sessions import Granted
from supafleet.accounts.signing import LIFETIME
from supafleet.addresses import address_of
from supafleet.db import EngineDep, SessionDep, reading
from supafleet.deps import CurrentActor, SettingsDep, SignerDep, needs
from supafleet.errors import InvalidField, responses
from supafleet.organizations import invitations
from supafleet.permissions import Permission
from supafleet.routing import Router

router = Router(tags=["Sessions"])


@router.post("/auth/token", operation_id="auth-token", responses=responses(401, 422, 429))
def create_tokens(
    body: TokenRequest,
    request: Request,
    response: Response,
    engine: EngineDep,
    signer: SignerDep,
    grant_type: Annotated[Literal["password", "refresh_token"], Query(description="What the body holds.")],
) -> TokenResponse:
    """Sign in with a password, or go on with a refresh token; each refresh token is good for one exchange."""
    response.headers["Cache-Control"] = "no-store"
    if grant_type == "refresh_token":
        if body.refresh_token is None:
            raise InvalidField("refresh_token", "is required")
        return _response(sessions.refresh(engine, signer, body.refresh_token.get_secret_value()))
    if body.email is None or body.password is None:
        raise InvalidField("email" if body.email is None else "password", "is required")
    granted = sessions.sign_in(
        engine,
        signer,
        email=body.email,
        password=body.password.get_secret_value(),
        address=address_of(request.client),
    )
    return _response(granted)


@router.post(
    "/auth/logout",
    operation_id="auth-logout",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=responses(401, 422),
    dependencies=needs(Permission.PROFILE_WRITE),
)
def sign_out(
    actor: CurrentActor,
    session: SessionDep,
    scope: Annotated[Literal["global", "local"], Query(description="All sessions, or only this one.")] = "global",
) -> None:
    """End the account's sessions at once; personal access tokens stay valid."""
    sessions.sign_out(session, actor, everywhere=scope == "global")


@router.post(
    "/platform/signup",
    operation_id="platform-signup",
    status_code=status.HTTP_201_CREATED,
    responses=responses(403, 409, 422, 429),
)
def sign_up(body: SignUpRequest, request: Request, engine: EngineDep, settings: SettingsDep) -> SignUpResponse:
    """Make an account, when sign-up is open or for somebody who was invited."""
    may = settings.signup_enabled
    if body.invitation_token is not None and not may:
        with reading(engine) as session:
            may = invitations.is_for(session, body.invitation_token.get_secret_value(), body.email)
    sessions.sign_up(
        engine,
        email=body.email,
        password=body.password.get_secret_value(),
        address=address_of(request.client),
        may=may,
    )
    return SignUpResponse()


def _response(granted: Granted) -> TokenResponse:
    return TokenResponse(
        access_token=granted.access_token,
        expires_in=int(LIFETIME.total_seconds()),
        refresh_token=granted.refresh_token,
        user=TokenUser(
            id=granted.actor.account_id, email=granted.actor.primary_email, app_metadata={"provider": "email"}
        ),
    )
