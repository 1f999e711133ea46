"""Access tokens on the command line."""

from fleet_double import STARTED_AT, TOKEN, Command, FleetDouble


def test_a_token_is_made_and_printed_once(logged_in: FleetDouble, cli: Command) -> None:
    answer = cli("token", "create", "ci", "--expires-in-days", "30")
    assert answer.code == 0, answer.err
    assert f"token    {TOKEN}\n" in answer.out
    assert logged_in.bodies == [{"name": "ci", "expires_in_days": 30}]
    assert cli("token", "create", "other", "--json").document["token"] == TOKEN
    assert logged_in.bodies[-1] == {"name": "other"}
    assert TOKEN not in cli("token", "list").out


def test_tokens_are_listed_with_their_state(logged_in: FleetDouble, cli: Command) -> None:
    for name in ("valid", "expired", "revoked"):
        cli("token", "create", name)
    logged_in.tokens[1]["expires_at"] = "2020-01-01T00:00:00+00:00"
    logged_in.tokens[2]["revoked_at"] = STARTED_AT
    lines = cli("token", "list").out.splitlines()
    assert lines[0].split("  ")[0] == "ID"
    assert [line.split()[3] for line in lines[1:]] == ["valid", "expired", "revoked"]
    assert [row["name"] for row in cli("token", "list", "--json").document] == ["valid", "expired", "revoked"]


def test_a_token_is_revoked(logged_in: FleetDouble, cli: Command) -> None:
    cli("token", "create", "ci")
    assert cli("token", "revoke", "1").out == f"revoked ci ({TOKEN[:8]}...)\n"
    assert cli("token", "revoke", "1", "--json").document["revoked_at"].startswith(STARTED_AT[:19])
    unknown = cli("token", "revoke", "7")
    assert (unknown.code, unknown.err) == (4, "error: The account has no such token.\n")
    assert cli("token", "revoke", "x").code == 2
