"""Where a request comes from."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

#: A household or a machine usually has all addresses of one such network.
_IPV6_BLOCK = 64


def address_of(client: tuple[str, int] | Any | None) -> str:
    """The client's address, as the server tells it; a proxy on this machine is believed."""
    return str(client[0]) if client else "unknown"


@lru_cache(maxsize=1024)  # every request asks for it, and most come from few places
def block_of(address: str) -> str:
    """What counts as one place: an IPv4 address, or the network of an IPv6 address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed, _IPV6_BLOCK), strict=False))
    return str(parsed)
