"""Network restrictions, encryption and bans of a project's database."""

from fastapi import Depends, Response, status

from supafleet.answers import empty
from supafleet.deps import ProjectRef, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.projects import network
from supafleet.projects.network import (
    Bans,
    BansBody,
    EnrichedBans,
    NetworkChange,
    NetworkRestrictions,
    Networks,
    PatchedRestrictions,
    SslBody,
    SslEnforcement,
)
from supafleet.routing import Router


async def _named(ref: ProjectRef) -> str:
    """The project that a route is about; that it exists is a matter of the permission."""
    return ref


router = Router(prefix="/v1/projects/{ref}", tags=["Network"], dependencies=[Depends(_named)])

_READ = responses(401, 403, 404)
_CHANGE = responses(401, 403, 404, 413, 422, 501)


@router.get(
    "/network-restrictions",
    operation_id="v1-get-network-restrictions",
    responses=_READ,
    dependencies=needs(Permission.DATABASE_NETWORK_RESTRICTIONS_READ),
)
def get_restrictions() -> NetworkRestrictions:
    """Tell which networks reach the database: none, since only the gateway is published."""
    return network.restrictions()


@router.post(
    "/network-restrictions/apply",
    operation_id="v1-update-network-restrictions",
    status_code=status.HTTP_201_CREATED,
    responses=_CHANGE,
    dependencies=needs(Permission.DATABASE_NETWORK_RESTRICTIONS_WRITE),
)
def apply_restrictions(body: Networks) -> NetworkRestrictions:
    """Say which networks shall reach the database; anything but none is refused."""
    network.check_networks(body)
    return network.restrictions()


@router.patch(
    "/network-restrictions",
    operation_id="v1-patch-network-restrictions",
    responses=_CHANGE,
    dependencies=needs(Permission.DATABASE_NETWORK_RESTRICTIONS_WRITE),
)
def change_restrictions(body: NetworkChange) -> PatchedRestrictions:
    """Allow networks and take some away; to allow one is refused."""
    network.check_removed(body.remove)
    network.check_networks(body.add, "add.")
    return network.patched_restrictions()


@router.get(
    "/ssl-enforcement",
    operation_id="v1-get-ssl-enforcement-config",
    responses=_READ,
    dependencies=needs(Permission.DATABASE_SSL_CONFIG_READ),
)
def get_ssl() -> SslEnforcement:
    """Tell whether the database takes only encrypted connections."""
    return network.ssl_enforcement()


@router.put(
    "/ssl-enforcement",
    operation_id="v1-update-ssl-enforcement-config",
    responses=_CHANGE,
    dependencies=needs(Permission.DATABASE_SSL_CONFIG_WRITE),
)
def put_ssl(body: SslBody) -> SslEnforcement:
    """Say whether the database shall take only encrypted connections; that it shall is refused."""
    network.check_ssl(body.requestedConfig)
    return network.ssl_enforcement()


@router.post(
    "/network-bans/retrieve",
    operation_id="v1-list-all-network-bans",
    status_code=status.HTTP_201_CREATED,
    responses=_READ,
    dependencies=needs(Permission.DATABASE_NETWORK_BANS_READ),
)
def list_bans() -> Bans:
    """List banned addresses: nothing bans any."""
    return Bans(banned_ipv4_addresses=[])


@router.post(
    "/network-bans/retrieve/enriched",
    operation_id="v1-list-all-network-bans-enriched",
    status_code=status.HTTP_201_CREATED,
    responses=_READ,
    dependencies=needs(Permission.DATABASE_NETWORK_BANS_READ),
)
def list_enriched_bans() -> EnrichedBans:
    """List banned addresses and why they are: nothing bans any."""
    return EnrichedBans(banned_ipv4_addresses=[])


@router.delete(
    "/network-bans",
    operation_id="v1-delete-network-bans",
    response_class=Response,
    responses=responses(401, 403, 404, 413, 422),
    dependencies=needs(Permission.DATABASE_NETWORK_BANS_WRITE),
)
def delete_bans(body: BansBody) -> Response:
    """Lift bans of addresses: none of them is banned afterwards, as before."""
    network.check_addresses(body.ipv4_addresses)
    return empty()
