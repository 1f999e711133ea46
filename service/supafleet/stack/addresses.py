"""Addresses of a Docker host as they stand in a URL."""

LOOPBACK = "127.0.0.1"
_EVERYWHERE = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - read, and never listened on


def bracketed(address: str) -> str:
    """A name or an address as the host of a URL or of a published port: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def gateway_url(public_address: str | None, bind_address: str | None, port: int) -> str:
    """Where a gateway answers; of a Docker host that listens everywhere and names no address, at home."""
    address = public_address or bind_address or LOOPBACK
    return f"http://{bracketed(_EVERYWHERE.get(address, address))}:{port}"
