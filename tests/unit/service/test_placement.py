"""Placement, ports and subnets, without a database."""

from typing import Any

import pytest

from supafleet.errors import AppError, InvalidField, NothingFree
from supafleet.hosts.models import DockerHost
from supafleet.hosts.schemas import HostBody
from supafleet.hosts.service import inventory_entry
from supafleet.inventory.entries import DockerHostEntry
from supafleet.projects.placement import Wish, choose_place, choose_port, choose_subnet


def host(number: int, **fields: Any) -> DockerHost:
    body = HostBody.model_validate({"connection": "local", **fields})
    return DockerHost.model_validate({"id": number, "name": f"host-{number}", **body.model_dump()})


REMOTE = {"connection": "ssh", "address": "10.0.0.9", "bind_address": "10.0.0.9", "public_address": "a.example.com"}


def test_the_emptiest_host_of_the_region_wins() -> None:
    hosts = [host(1, regions=["eu-west-1"]), host(2, regions=["eu-west-1"]), host(3, regions=["us-east-1"])]
    assert choose_place(hosts, {1: 4, 2: 3}, Wish(region="eu-west-1")).host.name == "host-2"
    assert choose_place(hosts, {1: 4, 2: 4}, Wish(region="eu-west-1")).host.name == "host-1"
    assert choose_place(hosts, {}, Wish(region_group="americas")).region == "us-east-1"
    place = choose_place(hosts, {2: 9}, Wish(host="host-2"))
    assert (place.host.name, place.region) == ("host-2", "eu-west-1")


def test_an_incomplete_host_is_passed_over_while_another_fits() -> None:
    incomplete = host(1, **{**REMOTE, "bind_address": None})
    assert choose_place([incomplete, host(2)], {}, Wish()).host.name == "host-2"


@pytest.mark.parametrize(
    ("hosts", "wish", "kind", "words"),
    [
        ([], Wish(), NothingFree, ["/fleet/hosts"]),
        ([host(1)], Wish(region="mars-1"), InvalidField, ["region", "mars-1", "local"]),
        ([host(1)], Wish(region_group="apac"), InvalidField, ["region_selection", "apac", "local"]),
        ([host(1), host(2)], Wish(host="host-3"), InvalidField, ["host:", "host-1 or host-2"]),
        ([host(1, **{**REMOTE, "public_address": None})], Wish(), InvalidField, ["public_address"]),
        ([host(1, capacity_projects=0)], Wish(), NothingFree, ["host-1", "capacity_projects"]),
    ],
)
def test_a_wish_that_nobody_meets_says_why(
    hosts: list[DockerHost], wish: Wish, kind: type[AppError], words: list[str]
) -> None:
    with pytest.raises(kind) as caught:
        choose_place(hosts, {}, wish)
    assert all(word in caught.value.message for word in words), caught.value.message


def test_ports_are_the_lowest_free_or_the_wanted_one() -> None:
    small = host(1, port_first=6000, port_last=6002)
    assert choose_port(small, set(), None) == 6000
    assert choose_port(small, {6000, 6002}, None) == 6001
    assert choose_port(small, {6000}, 6002) == 6002
    for taken, wanted, kind in (({6000, 6001, 6002}, None, NothingFree), ({6001}, 6001, NothingFree)):
        with pytest.raises(kind):
            choose_port(small, taken, wanted)
    with pytest.raises(InvalidField, match="6000 to 6002"):
        choose_port(small, set(), 6003)


def test_subnets_are_the_lowest_free_ones_of_the_pool() -> None:
    small = host(1, subnet_pool="10.9.0.0/23")
    assert choose_subnet(small, set()) == "10.9.0.0/24"
    assert choose_subnet(small, {"10.9.0.0/24"}) == "10.9.1.0/24"
    with pytest.raises(NothingFree, match=r"10\.9\.0\.0/23"):
        choose_subnet(small, {"10.9.0.0/24", "10.9.1.0/24"})


@pytest.mark.parametrize("fields", [{}, REMOTE, {**REMOTE, "private_key_file": "/etc/keys/id", "ssh_port": 2222}])
def test_a_host_row_is_a_valid_inventory_entry(fields: dict[str, Any]) -> None:
    entry = DockerHostEntry.model_validate(inventory_entry(host(1, **fields)))
    assert entry.connection == fields.get("connection", "local")
    assert entry.port == fields.get("ssh_port", 22)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subnet_pool", "8.8.0.0/16"),
        ("subnet_pool", "10.0.0.0/30"),
        ("bind_address", "not-an-address"),
        ("private_key_file", "/key -o ProxyCommand=sh"),
        ("known_hosts_file", "relative"),
        ("address", "host; reboot"),
        ("ssh_user", "-oProxyCommand"),
        ("regions", []),
        ("regions", ["{{ 7*6 }}"]),
        ("port_first", 80),
        ("colour", "blue"),
    ],
)
def test_a_host_that_would_break_the_inventory_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        host(1, **{**REMOTE, field: value})
