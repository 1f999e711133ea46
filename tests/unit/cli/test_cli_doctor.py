"""`supafleet doctor`: one answer, whatever is found, and no removal that nobody agreed to."""

import io

import pytest
from fleet_double import Command, FleetDouble

ORPHANS = [
    {"kind": "orphan", "ref": "lost", "sentence": "made here, known to nobody", "objects": ["lost-db"]},
    {"kind": "orphan", "ref": "forgotten", "sentence": "made here, known to nobody", "objects": ["its folder"]},
]
SICK = {"kind": "sick", "ref": "shop", "sentence": "auth is unhealthy", "objects": []}
FOREIGN = {"kind": "foreign", "ref": "theirs", "sentence": "of another installation", "objects": ["theirs-db"]}
NOT_WELL = {"message": "not all is as it should be", "exit_code": 1, "lines": []}


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("differences", [[], [FOREIGN]], ids=["nothing", "what is not ours"])
def test_when_all_is_well_the_json_document_says_so(
    logged_in: FleetDouble, cli: Command, differences: list[dict[str, object]]
) -> None:
    logged_in.differences = {"local": differences}
    answer = cli("doctor", "--json")
    assert answer.code == 0, answer.err
    assert answer.document.keys() == {"hosts", "removed"}
    assert answer.document["hosts"][0]["differences"] == differences
    assert cli("doctor").code == 0


def test_when_something_is_wrong_the_json_document_is_still_one(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.differences = {"local": [SICK], "eu1": []}
    answer = cli("doctor", "--json")
    assert answer.code == 1
    assert [report["host"] for report in answer.document["hosts"]] == ["local", "eu1"]
    assert answer.document["hosts"][0]["differences"] == [SICK]
    assert answer.document["error"] == NOT_WELL
    text = cli("doctor")
    assert text.code == 1
    assert text.out.splitlines()[1].split() == ["local", "sick", "shop", "auth", "is", "unhealthy"]
    assert text.err == "error: not all is as it should be\n"


def test_a_host_that_cannot_be_seen_is_wrong(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.blind_hosts = {"local": "no route"}
    answer = cli("doctor", "--json")
    assert answer.code == 1
    assert answer.document["hosts"][0]["error"] == "no route"
    assert answer.document["error"] == NOT_WELL
    assert "the Docker host local could not be seen: no route" in cli("doctor").err


def test_removed_orphans_are_named_in_the_one_document(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.differences = {"local": ORPHANS}
    assert cli("doctor", "--json").code == 1
    answer = cli("doctor", "--remove-orphans", "--yes", "--json")
    assert answer.code == 0, answer.err
    assert answer.document["removed"] == [{"host": "local", "ref": "lost"}, {"host": "local", "ref": "forgotten"}]
    assert "error" not in answer.document
    assert logged_in.removed_orphans == [("local", "lost"), ("local", "forgotten")]


def test_what_is_wrong_beside_the_orphans_is_still_wrong(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.differences = {"local": [SICK, ORPHANS[0]]}
    answer = cli("doctor", "--remove-orphans", "--yes", "--json")
    assert answer.code == 1
    assert answer.document["removed"] == [{"host": "local", "ref": "lost"}]
    assert answer.document["error"] == NOT_WELL


def test_a_removal_that_fails_is_in_the_one_document(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.differences = {"local": ORPHANS}
    logged_in.run = {"status": "failed", "explanation": "removal of the network failed"}
    answer = cli("doctor", "--remove-orphans", "--yes", "--json")
    assert answer.code == 1
    assert answer.document["removed"] == []
    assert answer.document["error"]["message"] == "removal of the network failed"
    assert logged_in.removed_orphans == [("local", "lost")]


def test_orphans_are_named_with_what_is_lost_before_the_question(
    logged_in: FleetDouble, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged_in.differences = {"local": ORPHANS[:1], "eu1": [ORPHANS[1], FOREIGN]}
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    answer = cli("doctor", "--remove-orphans")
    assert answer.code == 2
    assert answer.err.splitlines()[:3] == [
        "These are removed with their databases, files and all other data, which cannot be undone:",
        "  lost on local",
        "  forgotten on eu1",
    ]
    assert "Remove 2 orphans with all data?" in answer.err
    assert "nothing was removed" in answer.err
    assert logged_in.removed_orphans == []
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert cli("doctor", "--remove-orphans").code == 0
    assert logged_in.removed_orphans == [("local", "lost"), ("eu1", "forgotten")]


def test_without_a_terminal_a_removal_needs_yes(logged_in: FleetDouble, cli: Command) -> None:
    logged_in.differences = {"local": ORPHANS}
    answer = cli("doctor", "--remove-orphans", "--json")
    assert answer.code == 2
    assert "--yes" in answer.document["error"]["message"]
    assert len(answer.document["hosts"][0]["differences"]) == 2
    assert logged_in.removed_orphans == []


def test_the_help_says_that_data_is_removed(cli: Command) -> None:
    assert "with all its data" in " ".join(cli("doctor", "--help").out.split())
