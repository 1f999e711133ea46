"""Whether an account may do what a request asks for: its role in the organization of what the path names."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session

from supafleet.accounts.service import Actor
from supafleet.audit import trail
from supafleet.db import Besides
from supafleet.errors import Forbidden, NotFound, allowed, quote
from supafleet.organizations import service as organizations
from supafleet.organizations.models import Place, Role
from supafleet.permissions import OPERATING, PERSONAL, ROLES, Permission
from supafleet.projects import service as projects
from supafleet.runs import service as runs


def besides(permission: Permission, path: Mapping[str, str]) -> Besides | None:
    """What the statement that finds the account can tell already of where it stands, None when there is nothing."""
    if permission in PERSONAL or permission in OPERATING or _is_unnamable(path):
        return None
    if "slug" in path:
        return organizations.place_besides(path["slug"])
    return projects.place_besides(path["ref"]) if "ref" in path else runs.place_besides(path["run_id"])


def check(actor: Actor, permission: Permission, path: Mapping[str, str], told: Sequence[Any]) -> Place | None:
    """Let the request through or refuse it; where the account stands with the organization that it is about.

    Args:
        path: parameters of the request's path; `ref`, `slug` or `run_id` says which organization it is about.
        told: what `besides` told.

    Returns:
        None when it is about none.

    Raises:
        NotFound: nothing has that ref, slug or id.
        Forbidden: the account does not belong there, or its role does not allow it.
    """
    if permission in PERSONAL:
        return None
    if permission in OPERATING:
        if not actor.is_operator:
            raise Forbidden(f"The account {quote(actor.username)} is not an operator of this installation.")
        return None
    place = _place_of(path, told)
    if place is None:  # a run for what no project is known of
        return check(actor, Permission.FLEET_HOSTS_WRITE, {}, ())
    require_at(place, actor, permission)
    return place


def require(session: Session, organization_id: int, actor: Actor, permission: Permission) -> None:
    """Refuse an account whose role in the organization does not have the permission.

    Raises:
        Forbidden: it does not, or the account does not belong to the organization.
    """
    require_at(Place(organization_id, organizations.role_of(session, organization_id, actor)), actor, permission)


def allows(place: Place, permission: Permission) -> bool:
    """Whether the role that the account has there allows it."""
    return place.role is not None and permission in ROLES[place.role]


def require_at(place: Place, actor: Actor, permission: Permission) -> None:
    """Refuse an account whose role at this place does not have the permission.

    Raises:
        Forbidden: it does not, or the account does not belong there.
    """
    trail.note_organization(place.organization_id)
    role = place.role
    if role is None:
        raise Forbidden(f"The account {quote(actor.username)} does not belong to this organization.")
    if permission not in ROLES[role]:
        enough = allowed(one.replace("_", "-") for one in Role if permission in ROLES[one])
        raise Forbidden(f"The role {role.replace('_', '-')} may not do this ({permission}): it takes {enough}.")


def _place_of(path: Mapping[str, str], told: Sequence[Any]) -> Place | None:
    if _is_unnamable(path):
        raise NotFound("Nothing has this name.")
    if "slug" in path:
        return organizations.place_of(path["slug"], told)
    return projects.place_of(path["ref"], told) if "ref" in path else runs.place_of(path["run_id"], told)


def _is_unnamable(path: Mapping[str, str]) -> bool:
    return any("\0" in value for value in path.values())  # PostgreSQL cannot even be asked for it
