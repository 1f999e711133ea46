"""`/v1/profile`."""

from supafleet.accounts.schemas import ProfileResponse
from supafleet.deps import CurrentActor, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.routing import Router

router = Router(prefix="/v1", tags=["Profile"])


@router.get(
    "/profile",
    operation_id="v1-get-profile",
    responses=responses(401),
    dependencies=needs(Permission.PROFILE_READ),
)
def get_profile(actor: CurrentActor) -> ProfileResponse:
    """Tell whose token this is."""
    return ProfileResponse(gotrue_id=actor.gotrue_id, primary_email=actor.primary_email, username=actor.username)
