"""The official operations that are not built: each answers 501 to whoever might use it."""

from collections.abc import Callable, Iterable

from fastapi.routing import APIRoute

from supafleet.deps import needs
from supafleet.errors import NotBuilt
from supafleet.official.catalogue import Operation, place, unbuilt
from supafleet.permissions import Permission
from supafleet.routing import Router


def unbuilt_router(routers: Iterable[Router]) -> Router:
    """A router with one route for each official operation that none of these routers has."""
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    built = {place(method, route.path) for route in routes for method in route.methods or ()}
    router = Router(include_in_schema=False)
    for operation in unbuilt(built):
        router.add_api_route(
            operation.path,
            _refusal(operation),
            methods=[operation.method],
            operation_id=operation.id,
            name=operation.id,
            dependencies=needs(*_permissions(operation)),
        )
    return router


def _refusal(operation: Operation) -> Callable[[], None]:
    def refuse() -> None:
        """Say that this is not built."""
        raise NotBuilt(f"{operation.method} {operation.path} is not built in this version of Supafleet.")

    return refuse


def _permissions(operation: Operation) -> tuple[Permission, ...]:
    is_reading = operation.method == "GET"
    if "{ref}" not in operation.path and "{slug}" not in operation.path:
        # It names nothing that belongs to an organization here.
        return (Permission.PROFILE_READ if is_reading else Permission.PROFILE_WRITE,)
    if operation.permissions:
        return operation.permissions
    if "{slug}" in operation.path:
        return (Permission.ORGANIZATION_ADMIN_READ if is_reading else Permission.ORGANIZATION_ADMIN_WRITE,)
    return (Permission.PROJECT_ADMIN_READ if is_reading else Permission.PROJECT_ADMIN_WRITE,)
