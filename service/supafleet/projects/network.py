"""Who reaches the database of a project over the network: nobody from outside, since only the gateway is published."""

import ipaddress
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from supafleet.errors import InvalidField, NotBuilt

_UNPUBLISHED = "The database of a project is not published on its Docker host: only its gateway is."
_LONGEST_LIST = 1000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Networks(_Strict):
    """Networks by version of IP."""

    dbAllowedCidrs: list[str] | None = Field(default=None, max_length=_LONGEST_LIST)  # noqa: N815 - official spelling
    dbAllowedCidrsV6: list[str] | None = Field(default=None, max_length=_LONGEST_LIST)  # noqa: N815 - official spelling


class NetworkChange(_Strict):
    """Networks to allow, and to allow no more."""

    add: Networks | None = None
    remove: Networks | None = None


class AllowedNetworks(BaseModel):
    """Networks that reach the database."""

    dbAllowedCidrs: list[str]  # noqa: N815 - official spelling
    dbAllowedCidrsV6: list[str]  # noqa: N815 - official spelling


class NetworkRestrictions(BaseModel):
    """Which networks reach the database."""

    entitlement: Literal["disallowed"]
    config: AllowedNetworks
    status: Literal["applied"]


class NetworkEntry(BaseModel):
    """One network."""

    address: str
    type: Literal["v4", "v6"]


class ListedNetworks(BaseModel):
    """Networks that reach the database, as one list."""

    dbAllowedCidrs: list[NetworkEntry]  # noqa: N815 - official spelling


class PatchedRestrictions(BaseModel):
    """Which networks reach the database, as a change is answered."""

    entitlement: Literal["disallowed"]
    config: ListedNetworks
    status: Literal["applied"]


class SslWish(_Strict):
    """Whether the database shall take only encrypted connections."""

    database: bool


class SslBody(_Strict):
    """A wish of encryption."""

    requestedConfig: SslWish  # noqa: N815 - official spelling


class SslEnforcement(BaseModel):
    """Whether the database takes only encrypted connections."""

    currentConfig: SslWish  # noqa: N815 - official spelling
    appliedSuccessfully: bool  # noqa: N815 - official spelling


class BansBody(_Strict):
    """Addresses to ban no more."""

    ipv4_addresses: list[str] = Field(max_length=_LONGEST_LIST)
    requester_ip: bool | None = None
    identifier: str | None = None


class Bans(BaseModel):
    """Banned addresses."""

    banned_ipv4_addresses: list[str]


class Ban(BaseModel):
    """A banned address and why."""

    banned_address: str
    identifier: str
    type: str


class EnrichedBans(BaseModel):
    """Banned addresses and why."""

    banned_ipv4_addresses: list[Ban]


def restrictions() -> NetworkRestrictions:
    """What is true of every project: no network reaches its database."""
    return NetworkRestrictions(
        entitlement="disallowed", config=AllowedNetworks(dbAllowedCidrs=[], dbAllowedCidrsV6=[]), status="applied"
    )


def patched_restrictions() -> PatchedRestrictions:
    """The same as a change is answered."""
    return PatchedRestrictions(entitlement="disallowed", config=ListedNetworks(dbAllowedCidrs=[]), status="applied")


def check_networks(networks: Networks | None, prefix: str = "") -> None:
    """Let nothing pass but no network at all.

    Raises:
        InvalidField: one is no network.
        NotBuilt: one is asked for, and none can reach the database.
    """
    if networks is None:
        return
    lists: tuple[tuple[str, Sequence[str] | None, int], ...] = (
        ("dbAllowedCidrs", networks.dbAllowedCidrs, 4),
        ("dbAllowedCidrsV6", networks.dbAllowedCidrsV6, 6),
    )
    for name, values, version in lists:
        for value in values or ():
            if not _is_network(value, version):
                raise InvalidField(f"{prefix}{name}", f"must be a list of IPv{version} networks with their prefix")
    if networks.dbAllowedCidrs or networks.dbAllowedCidrsV6:
        raise NotBuilt(_UNPUBLISHED)


def check_removed(networks: Networks | None) -> None:
    """Networks that do not reach the database can always be taken away.

    Raises:
        InvalidField: one is no network.
    """
    try:
        check_networks(networks, "remove.")
    except NotBuilt:
        return


def ssl_enforcement() -> SslEnforcement:
    """What is true of every project: inside its network the services speak to the database as they are."""
    return SslEnforcement(currentConfig=SslWish(database=False), appliedSuccessfully=True)


def check_ssl(wish: SslWish) -> None:
    """Let nothing pass but what is.

    Raises:
        NotBuilt: encryption is asked for.
    """
    if wish.database:
        raise NotBuilt(f"{_UNPUBLISHED} Its services reach it without TLS, inside a network of their own.")


def check_addresses(addresses: Sequence[str]) -> None:
    """Refuse what is no address; of those that are, none is banned.

    Raises:
        InvalidField: one is no IPv4 address.
    """
    for address in addresses:
        try:
            ipaddress.IPv4Address(address)
        except ValueError:
            raise InvalidField("ipv4_addresses", "must be a list of IPv4 addresses") from None


def _is_network(value: str, version: int) -> bool:
    try:
        return ipaddress.ip_network(value, strict=False).version == version
    except ValueError:
        return False
