"""`/fleet/account`: the account's own password and personal access tokens."""

from datetime import timedelta
from typing import Annotated

from fastapi import Path, Response, status

from supafleet.accounts import service, sessions
from supafleet.accounts.models import AccessToken
from supafleet.accounts.schemas import PasswordChange, PersonalToken, PersonalTokenCreate, PersonalTokenCreated
from supafleet.db import EngineDep, SessionDep
from supafleet.deps import CurrentActor, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.routing import Router

router = Router(prefix="/fleet/account", tags=["Account"])


@router.put(
    "/password",
    operation_id="fleet-set-password",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=responses(401, 403, 409, 422, 429),
    dependencies=needs(Permission.PROFILE_WRITE),
)
def set_password(body: PasswordChange, actor: CurrentActor, engine: EngineDep) -> None:
    """Set the account's password; the first one needs no present one. Its other sessions end."""
    current = None if body.current_password is None else body.current_password.get_secret_value()
    sessions.set_password(engine, actor, password=body.password.get_secret_value(), current=current)


@router.get(
    "/tokens",
    operation_id="fleet-list-tokens",
    responses=responses(401),
    dependencies=needs(Permission.PROFILE_READ),
)
def list_tokens(actor: CurrentActor, session: SessionDep) -> list[PersonalToken]:
    """List the account's personal access tokens, also expired and revoked ones for a month."""
    return [_shown(row) for row in service.list_tokens(session, actor)]


@router.post(
    "/tokens",
    operation_id="fleet-create-token",
    status_code=status.HTTP_201_CREATED,
    responses=responses(401, 422),
    dependencies=needs(Permission.PROFILE_WRITE),
)
def create_token(
    body: PersonalTokenCreate, actor: CurrentActor, session: SessionDep, response: Response
) -> PersonalTokenCreated:
    """Make a personal access token; its text is told this one time."""
    lifetime = None if body.expires_in_days is None else timedelta(days=body.expires_in_days)
    row, token = service.create_token(session, actor, body.name, lifetime)
    response.headers["Cache-Control"] = "no-store"
    return PersonalTokenCreated.model_validate({**_shown(row).model_dump(), "token": token})


@router.delete(
    "/tokens/{token_id}",
    operation_id="fleet-revoke-token",
    responses=responses(401, 404, 422),
    dependencies=needs(Permission.PROFILE_WRITE),
)
def revoke_token(
    token_id: Annotated[int, Path(ge=1, le=2**31 - 1, description="Id of the token, as the list shows it.")],
    actor: CurrentActor,
    session: SessionDep,
) -> PersonalToken:
    """Let a token be worth nothing from now on."""
    return _shown(service.revoke_token(session, actor, token_id))


def _shown(row: AccessToken) -> PersonalToken:
    return PersonalToken.model_validate(row.model_dump(include=set(PersonalToken.model_fields)))
