"""`/v1/profile`."""

from fastapi import APIRouter

from supafleet.accounts.schemas import ProfileResponse
from supafleet.deps import CurrentActor, needs
from supafleet.errors import responses
from supafleet.permissions import Permission

router = APIRouter(prefix="/v1", tags=["Profile"])


@router.get(
    "/profile",
    operation_id="v1-get-profile",
    responses=responses(401),
    dependencies=needs(Permission.PROFILE_READ),
)
def get_profile(actor: CurrentActor) -> ProfileResponse:
    """Tell whose token this is."""
    return ProfileResponse(gotrue_id=actor.gotrue_id, primary_email=actor.primary_email, username=actor.username)
