"""Direct runs converge: twice is once, a prediction is kept, and an edit touches exactly what it concerns."""

import re
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e import docker_eyes
from tests.e2e.direct_run import DirectRun, changed_count

pytestmark = pytest.mark.docker

REF = "converging"
SERVICES = {
    "analytics",
    "auth",
    "db",
    "functions",
    "imgproxy",
    "kong",
    "meta",
    "realtime",
    "rest",
    "storage",
    "studio",
    "vector",
}


def predicted(output: str) -> set[str]:
    """Services that a check run says it would touch."""
    found = re.search(r"Predict the services that would be touched\].*?\n(.*?)\n\nTASK", output, re.DOTALL)
    return set(re.findall(r"^\s+(\w+): (?:create|recreate|start)$", found.group(1), re.MULTILINE)) if found else set()


def recreated(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {service for service in after if before.get(service) != after[service]}


def test_a_project_converges(direct_run: DirectRun, tmp_path: Path) -> None:
    direct_run.project(REF, 1)
    plan = direct_run.play("project_create", "--check", limit=REF)
    assert predicted(plan) == SERVICES
    assert docker_eyes.leftovers(REF) == {}, "a prediction makes nothing"
    assert not (direct_run.folder / "host_vars").exists()

    direct_run.create(REF)
    assert set(docker_eyes.health(REF).values()) == {"healthy"}
    secrets = direct_run.folder / "host_vars" / REF / "secrets.yml"
    assert secrets.stat().st_mode & 0o777 == 0o600

    kept = secrets.read_text()
    again = direct_run.create(REF)
    assert changed_count(again, REF) == 0
    assert secrets.read_text() == kept
    assert predicted(direct_run.play("project_create", "--check", limit=REF)) == set()

    edits = {
        "db": {"postgres": {"work_mem": "8MB"}},
        "rest": {"environment": {"rest": {"PGRST_DB_POOL": "20"}}},
        "auth": {"site_url": "https://app.example.com"},
    }
    settings: dict[str, object] = {}
    for service, edit in edits.items():
        settings.update(edit)
        direct_run.project(REF, 1, settings=settings)
        before = docker_eyes.container_ids(REF)
        promise = predicted(direct_run.play("project_create", "--check", limit=REF))
        assert docker_eyes.container_ids(REF) == before, "a prediction touches nothing"
        direct_run.create(REF)
        touched = recreated(before, docker_eyes.container_ids(REF))
        assert touched == promise
        assert touched == {service}
        assert set(docker_eyes.health(REF).values()) == {"healthy"}

    url = f"http://127.0.0.1:{direct_run.projects[REF]['gateway_port']}"
    assert httpx.get(f"{url}/mcp").status_code == 403
    settings["mcp_allowed_addresses"] = ["10.222.1.1/32"]
    direct_run.project(REF, 1, settings=settings)
    before = docker_eyes.container_ids(REF)
    direct_run.create(REF)
    assert recreated(before, docker_eyes.container_ids(REF)) == {"kong"}
    assert httpx.get(f"{url}/mcp").status_code != 403

    _a_removed_container_comes_back(direct_run)
    _a_run_after_a_killed_one_finishes(direct_run)
    _its_secrets_are_not_made_anew_beside_its_data(direct_run)
    _its_leases_are_refused_to_another_installation(tmp_path)
    _another_installation_cannot_touch_it(tmp_path)
    _a_removal_is_complete_and_can_be_repeated(direct_run)


def _a_removed_container_comes_back(direct_run: DirectRun) -> None:
    before = docker_eyes.container_ids(REF)
    docker_eyes.docker("rm", "-f", f"{REF}-imgproxy")
    docker_eyes.docker("stop", f"{REF}-studio")
    assert predicted(direct_run.play("project_create", "--check", limit=REF)) == {"imgproxy", "studio"}
    direct_run.create(REF)
    assert recreated(before, docker_eyes.container_ids(REF)) == {"imgproxy"}
    assert set(docker_eyes.health(REF).values()) == {"healthy"}


def _a_run_after_a_killed_one_finishes(direct_run: DirectRun) -> None:
    folder = Path("/var/lib/supafleet/projects") / REF
    (folder / "kong" / "kong.yml").write_text("broken: by hand\n")
    docker_eyes.docker("kill", f"{REF}-rest")
    time.sleep(0.5)
    direct_run.create(REF)
    assert set(docker_eyes.health(REF).values()) == {"healthy"}
    assert "broken: by hand" not in (folder / "kong" / "kong.yml").read_text()


def _its_secrets_are_not_made_anew_beside_its_data(direct_run: DirectRun) -> None:
    before = docker_eyes.container_ids(REF)
    kept = direct_run.folder / "host_vars" / REF / "secrets.yml"
    away = kept.rename(kept.with_suffix(".away"))
    for verb in ("project_create", "project_restart"):
        output = " ".join(direct_run.play(verb, limit=REF, expect_failure=True).split())
        assert "the project has data on the host" in output
        assert "postgres_password" in output
        assert f"put them back into {kept}" in output
    assert not kept.exists()
    away.rename(kept)
    assert changed_count(direct_run.create(REF), REF) == 0
    assert docker_eyes.container_ids(REF) == before


def _another_installation_cannot_touch_it(tmp_path: Path) -> None:
    other = DirectRun(tmp_path / "another", installation="test-another")
    other.project(REF, 5)
    before = docker_eyes.container_ids(REF)
    for verb in ("project_create", "project_pause", "project_restart", "project_delete"):
        output = " ".join(other.play(verb, limit=REF, expect_failure=True).split())
        assert f"has the label of project {REF} and was made by installation test-direct" in output
    seen = " ".join(other.play("project_observe", "-v", limit=REF).split())
    assert "missing" in seen
    assert "db: healthy" not in seen
    assert docker_eyes.container_ids(REF) == before
    assert set(docker_eyes.health(REF).values()) == {"healthy"}
    assert f"test-another/{REF}" not in docker_eyes.leases()


def _its_leases_are_refused_to_another_installation(tmp_path: Path) -> None:
    other = DirectRun(tmp_path / "other")
    other.project("second-owner", 4, subnet="10.222.1.0/24")
    output = other.play("project_create", limit="second-owner", expect_failure=True)
    assert f"subnet 10.222.1.0/24 is leased to project {REF} of installation test-direct" in " ".join(output.split())
    assert docker_eyes.leftovers("second-owner") == {}


def _a_removal_is_complete_and_can_be_repeated(direct_run: DirectRun) -> None:
    direct_run.play("project_delete", limit=REF)
    docker_eyes.assert_nothing_is_left(REF)
    assert changed_count(direct_run.play("project_delete", limit=REF), REF) == 0


def test_a_foreign_lock_is_told(direct_run: DirectRun) -> None:
    direct_run.project("locked-one", 2)
    lock = Path("/var/lib/supafleet/locks/locked-one.json")
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(
        f'{{"run": "7", "kind": "project_delete", "actor": "carol", "since": {time.time()}, '
        f'"expires_at": {time.time() + 60}}}'
    )
    try:
        output = direct_run.play("project_create", limit="locked-one", expect_failure=True)
        assert "locked by carol doing project_delete since" in output
        assert docker_eyes.leftovers("locked-one") == {}
    finally:
        lock.unlink()
