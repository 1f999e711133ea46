"""Addresses of a project's network."""

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True)
class Addresses:
    """The plan of one subnet: containers in the lower half, the log receiver at its top."""

    subnet: str
    ip_range: str
    gateway: str
    log_receiver: str


def plan_addresses(subnet: str) -> Addresses:
    """The addresses in a subnet.

    The engine dials the log receiver from the host, so it needs an address that is known beforehand and that the engine
    never gives to another container.
    """
    network = ipaddress.IPv4Network(subnet)
    lower_half = next(network.subnets(prefixlen_diff=1))
    return Addresses(
        subnet=str(network),
        ip_range=str(lower_half),
        gateway=str(network.network_address + 1),
        log_receiver=str(network.broadcast_address - 1),
    )
