"""`supafleet host`: the Docker hosts as the API tells them."""

import pytest
from fleet_double import STARTED_AT, Command, FleetDouble


def test_hosts_are_listed_with_their_latest_look(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.unseen_projects = {"local": 3, "eu1": 0, "eu2": 0}
    logged_in.hosts["eu1"] = {"connection": "ssh", "address": "192.0.2.7", "observation_error": "no route\nmore"}
    logged_in.hosts["eu2"] = {"connection": "ssh", "address": "eu2.example.com", "observed_at": None}
    assert cli("host", "list").out.splitlines() == [
        "NAME   CONNECTION  ADDRESS          PROJECTS  LAST LOOK                  ERROR",
        f"local  local                        3         {STARTED_AT}",
        f"eu1    ssh         192.0.2.7        0         {STARTED_AT}  no route",
        "eu2    ssh         eu2.example.com  0         never",
    ]
    document = cli("host", "list", "--json").document
    assert [(host["name"], host["projects"]) for host in document] == [("local", 3), ("eu1", 0), ("eu2", 0)]
    assert document[1]["observation_error"] == "no route\nmore"


def test_a_refusal_keeps_its_sentence(logged_in: FleetDouble, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPAFLEET_ACCESS_TOKEN", "sbp_wrong")
    answer = cli("host", "list", "--json")
    assert answer.code == 1
    assert answer.document["error"]["message"] == "the access token is unknown"
