"""What Studio shows and hides for a role: its actions and resources, decided by the permissions of ours."""

from collections.abc import Iterator
from dataclasses import dataclass

from supafleet.organizations.models import Role
from supafleet.permissions import ROLES, Permission
from supafleet.studio.schemas import PermissionStatement

_ANYTHING = ("%",)
_CHANGES = ("write:Create", "write:Update", "write:Delete")


@dataclass(frozen=True)
class _Statement:
    permission: Permission
    actions: tuple[str, ...]
    resources: tuple[str, ...] = _ANYTHING


#: What a permission opens in Studio.
_OPENED = (
    _Statement(Permission.PROJECT_ADMIN_READ, ("read:Read", "analytics:Read", "billing:Read")),
    _Statement(Permission.DATABASE_READ, ("tenant:Sql:Admin:Read", "tenant:Sql:Read:Select", "sql:Read:Select")),
    _Statement(Permission.STORAGE_READ, ("storage:Admin:Read", "storage:Read")),
    _Statement(Permission.EDGE_FUNCTIONS_READ, ("functions:Read",)),
    _Statement(Permission.EDGE_FUNCTIONS_SECRETS_READ, ("secrets:Read", "functions:Secret:Read")),
    # Whoever may run statements may change everything that stands in the database.
    _Statement(Permission.DATABASE_WRITE, ("tenant:Sql:%", "sql:%")),
    _Statement(Permission.EDGE_FUNCTIONS_WRITE, ("functions:Write",)),
    _Statement(Permission.EDGE_FUNCTIONS_SECRETS_WRITE, ("secrets:Write", "functions:Secret:Write")),
    _Statement(Permission.PROJECT_ADMIN_WRITE, _ANYTHING),
)
#: What Studio takes for opened by the above and a role must not see without the permission.
_WITHHELD = (
    _Statement(Permission.API_GATEWAY_KEYS_SECRET_READ, ("read:Read",), ("service_api_keys", "field.jwt_secret")),
    _Statement(Permission.ORGANIZATION_ADMIN_WRITE, _CHANGES, ("organizations",)),
)


def statements(organization_id: int, role: Role) -> Iterator[PermissionStatement]:
    """What the role may do in the organization, then what it may not."""
    for restrictive, one in [*((False, one) for one in _OPENED), *((True, one) for one in _WITHHELD)]:
        if (one.permission in ROLES[role]) != restrictive:
            yield PermissionStatement(
                organization_id=organization_id,
                resources=list(one.resources),
                actions=list(one.actions),
                restrictive=restrictive,
            )
