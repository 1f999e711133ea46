"""What is on a host and in no database is named, and removed only when it is ours and somebody asks."""

from typing import Any

from supafleet.runner.fake import FakeLauncher, Script, observed, sees
from supafleet.runs.vocabulary import EventKind, RunEvent
from supafleet.stack.settings import SERVICES
from tests.integration.api.conftest import Api, wait_for

LEASES = {
    "local/leaseonly": {"port": 24321, "subnet": "10.213.1.0/24"},
    "other/theirs": {"port": 24322, "subnet": "10.213.2.0/24"},
}


def with_strangers(
    script: Script, *, folders: tuple[str, ...] = (), locks: tuple[str, ...] = (), **owners: str
) -> Script:
    """The same look, with containers of other projects by the installation that owns them, and records of the host."""
    (event,) = script.events
    detail: dict[str, Any] = event.detail or {}
    for ref, owner in owners.items():
        detail["projects"].setdefault(owner, {})[ref] = {"objects": [f"{ref}-db"], "services": {}}
    detail["records"] = {
        "leases": LEASES,
        "locks": list(locks),
        "folders": ["leaseonly", *folders],
    }
    return Script(events=(RunEvent(at=event.at, kind=EventKind.HOST_OBSERVED, detail=detail),))


def differences(api: Api) -> dict[str, tuple[str, list[str]]]:
    (report,) = api.client.get("/fleet/doctor").json()
    assert report["error"] is None
    return {one["ref"]: (one["kind"], one["objects"]) for one in report["differences"]}


def test_nothing_is_said_of_what_is_right(live_api: Api, ref: str) -> None:
    assert differences(live_api) == {}


def test_orphans_and_foreign_objects_are_told_apart(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    launcher.scripts["fleet_observe"] = with_strangers(sees(**{ref: "healthy"}), lost="local", theirs="other", bare="")
    assert differences(live_api) == {
        "lost": ("orphan", ["lost-db"]),
        "leaseonly": ("orphan", ["its leases", "its folder"]),
        "theirs": ("foreign", ["theirs-db", "its leases"]),
        "bare": ("foreign", ["bare-db"]),
    }
    refused = live_api.client.delete("/fleet/hosts/local/orphans/theirs")
    assert (refused.status_code, refused.json()["message"]) == (
        409,
        "'theirs' belongs to the installation 'other': remove it from there.",
    )
    assert live_api.client.delete("/fleet/hosts/local/orphans/nothing").status_code == 404
    assert live_api.client.delete(f"/fleet/hosts/local/orphans/{ref}").status_code == 404

    run = live_api.client.delete("/fleet/hosts/local/orphans/lost").json()
    assert live_api.client.get(f"/fleet/runs/{run['id']}/events").status_code == 200  # it ends with the run
    assert live_api.client.get(f"/fleet/runs/{run['id']}").json()["status"] == "succeeded"
    assert launcher.requests[-1].playbook == "project_delete.yml"
    assert launcher.requests[-1].project is not None
    assert launcher.requests[-1].project["ref"] == "lost"


def test_what_strangers_have_leased_is_given_to_nobody(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    launcher.scripts["fleet_observe"] = with_strangers(sees(**{ref: "healthy"}), theirs="other")
    assert set(differences(live_api)) == {"leaseonly", "theirs"}
    second = live_api.create(name="Second")["ref"]
    made = {project["ref"]: project for project in live_api.client.get("/fleet/projects").json()}
    own = made[ref]
    assert (own["gateway_port"], own["subnet"]) == (24321, "10.213.0.0/24"), "it was there before the look"
    assert (made[second]["gateway_port"], made[second]["subnet"]) == (24323, "10.213.3.0/24")
    status, message = live_api.refusal(name="Third", gateway_port=24322)
    assert (status, "24322 belongs to another project" in message) == (409, True)


def test_another_installations_project_of_the_same_ref_is_not_taken_for_ours(
    live_api: Api, launcher: FakeLauncher, ref: str
) -> None:
    live_api.client.patch(f"/fleet/projects/{ref}", json={"self_healing": False})
    launcher.scripts["fleet_observe"] = with_strangers(sees(), **{ref: "other"})
    reports = live_api.client.get("/fleet/doctor").json()
    told = [(one["ref"], one["kind"]) for report in reports for one in report["differences"]]
    assert (ref, "foreign") in told
    assert (ref, "absent") in told
    refused = live_api.client.delete(f"/fleet/hosts/local/orphans/{ref}")
    assert refused.status_code == 409
    assert "'other': remove it from there" in refused.json()["message"]


def test_a_project_of_which_nothing_is_left_is_named(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    live_api.client.patch(f"/fleet/projects/{ref}", json={"self_healing": False})
    launcher.scripts["fleet_observe"] = sees()
    assert differences(live_api) == {ref: ("absent", [])}


def test_what_only_the_hosts_records_have_is_named(live_api: Api, launcher: FakeLauncher, ref: str) -> None:
    folders = ("local/ourfolder", "other/theirfolder", "nobodys", f"local/{ref}", ref)
    launcher.scripts["fleet_observe"] = with_strangers(
        sees(**{ref: "healthy"}), folders=folders, locks=("nobodys", "lockonly", "ourfolder", ref)
    )
    assert differences(live_api) == {
        "leaseonly": ("orphan", ["its leases", "its folder"]),
        "ourfolder": ("orphan", ["its folder", "its lock"]),
        "theirs": ("foreign", ["its leases"]),
        "theirfolder": ("foreign", ["its folder"]),
        "nobodys": ("unclaimed", ["its folder", "its lock"]),
        "lockonly": ("unclaimed", ["its lock"]),
    }
    refused = live_api.client.delete("/fleet/hosts/local/orphans/nobodys")
    assert refused.status_code == 409
    assert "names no installation" in refused.json()["message"]
    assert live_api.client.delete("/fleet/hosts/local/orphans/ourfolder").status_code == 200


def test_a_container_that_no_release_knows_is_named_until_it_is_gone(
    live_api: Api, launcher: FakeLauncher, ref: str
) -> None:
    long = "an-intruder-with-a-very-long-name"
    launcher.scripts["fleet_observe"] = sees(**{ref: {"intruder": "healthy", long: "exited"}})
    assert differences(live_api) == {ref: ("unexpected", ["an-intruder-with", "intruder"])}
    project = live_api.client.get(f"/fleet/projects/{ref}").json()
    assert (project["status"], project["status_reason"]) == ("ACTIVE_HEALTHY", None)
    phases = {one["name"]: one["phase"] for one in project["services"]}
    assert (phases["intruder"], phases["an-intruder-with"], len(phases)) == ("unexpected", "unexpected", 14)

    launcher.scripts["fleet_observe"] = sees(**{ref: {"intruder": "healthy", "auth": "unhealthy"}})
    live_api.client.get("/fleet/doctor")
    assert live_api.client.get(f"/fleet/projects/{ref}").json()["status_reason"] == "auth is unhealthy."

    launcher.scripts["fleet_observe"] = sees(**{ref: "healthy"})
    assert differences(live_api) == {}
    assert len(live_api.client.get(f"/fleet/projects/{ref}").json()["services"]) == 12


def test_a_stranger_that_runs_does_not_keep_a_project_from_being_paused(
    live_api: Api, launcher: FakeLauncher, ref: str
) -> None:
    launcher.scripts["project_pause"] = Script(events=(observed("exited", intruder="healthy"),))
    live_api.client.post(f"/fleet/projects/{ref}/pause")
    wait_for(live_api, ref, "INACTIVE")
    paused = dict.fromkeys(SERVICES, "exited") | {"intruder": "exited"}
    launcher.scripts["fleet_observe"] = sees(**{ref: paused})
    assert differences(live_api) == {ref: ("unexpected", ["intruder"])}
    assert live_api.client.get(f"/fleet/projects/{ref}").json()["status_reason"] is None
