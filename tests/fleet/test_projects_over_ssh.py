"""Projects on a Docker host that is reached over SSH: by playbook and by the API, used from outside that host."""

import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.e2e.live_service import LiveService
from tests.fleet.bare_image import USER
from tests.fleet.docker_host_container import DockerHostContainer
from tests.fleet.preparation import Preparation

pytestmark = pytest.mark.docker

HELLO = "Deno.serve(async (request) => Response.json({ message: `Hello ${(await request.json()).name}!` }));"
DIRECT = "over-ssh"


@pytest.fixture(scope="module")
def remote(trixie: Preparation, sandbox_images: dict[str, str]) -> DockerHostContainer:
    """The prepared host with the sandbox images in its own engine."""
    trixie.host.load_images(list(sandbox_images.values()))
    return trixie.host


@pytest.fixture(scope="module")
def service(remote: DockerHostContainer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    quick = {"observation_interval_seconds": "3", "observation_deadline_seconds": "15"}
    folder = tmp_path_factory.mktemp("service")
    live = LiveService(folder, "ssh-fleet", (25300, 25309), "10.225.0.0/16", **quick).start()
    yield live
    live.stop()


def containers_on(host: DockerHostContainer, ref: str) -> list[str]:
    listing = host.exec("docker", "ps", "-a", "--filter", f"label=supafleet.project={ref}", "--format", "{{.Status}}")
    return [line for line in listing.stdout.splitlines() if line]


def deploy_hello(host: DockerHostContainer, ref: str) -> None:
    folder = f"/var/lib/supafleet/projects/{ref}/functions/hello"
    host.exec("mkdir", "-p", folder)
    host.exec("install", "--mode=0644", "/dev/stdin", f"{folder}/index.ts", stdin=HELLO)


def assert_used(results: dict[str, Any]) -> None:
    assert (results["own_rows"], results["rows_of_others"]) == (1, 0)
    assert results["downloaded"] == "contents"
    assert results["function"] == {"message": "Hello Supafleet!"}
    assert results["broadcast"] == {"text": "hi"}
    assert (results["wrong_key"], results["pg_with_anon"]) == (401, 403)


def test_the_same_playbook_makes_a_project_there(
    remote: DockerHostContainer, broken_path: str, supabase_js: Any
) -> None:
    entry = {
        "host": remote.name,
        "flavour": "sandbox",
        "size": "micro",
        "gateway_port": 24400,
        "subnet": "10.230.1.0/24",
    }
    environment = {"PATH": f"{broken_path}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

    def play(name: str) -> str:
        done = remote.playbook(name, "--limit", DIRECT, projects={DIRECT: entry}, environment=environment, user=USER)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    play("project_create")
    assert len(containers_on(remote, DIRECT)) == 12
    assert "changed=0" in play("project_create")
    deploy_hello(remote, DIRECT)
    kept = yaml.safe_load((remote.folder / "host_vars" / DIRECT / "secrets.yml").read_text())[
        "supafleet_project_secrets"
    ]
    url = f"http://{remote.address}:24400"
    environment_of_client = {
        "PROJECT_URL": url, "ANON_KEY": kept["anon_key"], "SERVICE_ROLE_KEY": kept["service_role_key"],
    }  # fmt: skip
    assert_used(json.loads(supabase_js(environment_of_client).stdout))
    play("project_delete")
    assert containers_on(remote, DIRECT) == []


def test_a_remote_host_without_its_addresses_is_refused(service: LiveService) -> None:
    with service.client() as api:
        body = {"connection": "ssh", "address": "192.0.2.10", "regions": ["nowhere-yet"]}
        assert api.put("/fleet/hosts/incomplete", json=body).status_code == 201
        organization = api.get("/v1/organizations").json()[0]["slug"]
        answer = api.post(
            "/v1/projects",
            json={
                "name": "Refused", "organization_slug": organization, "db_pass": "correctHorse7battery",
                "region": "nowhere-yet",
            },
        )  # fmt: skip
    assert answer.status_code == 422
    assert "bind_address" in answer.json()["message"]


@pytest.fixture(scope="module")
def far(remote: DockerHostContainer, service: LiveService) -> str:
    """A project on the remote host, made by the API."""
    with service.client() as api:
        assert api.put("/fleet/hosts/far-away", json=remote.as_row()).status_code == 201
    ref = service.create("Far away", host="far-away", region="eu-north-1")
    project = service.wait(ref, "ACTIVE_HEALTHY", "INIT_FAILED")
    assert project["status"] == "ACTIVE_HEALTHY", project["status_reason"]
    return ref


def wait_for(service: LiveService, ref: str, status: str, *words: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while True:
        project = service.project(ref)
        if project["status"] == status and all(word in (project["status_reason"] or "") for word in words):
            return
        assert time.monotonic() < deadline, project
        time.sleep(0.3)


def test_the_same_api_call_makes_a_project_there(
    remote: DockerHostContainer, service: LiveService, far: str, supabase_js: Any
) -> None:
    ref, project = far, service.project(far)
    assert project["host"] == "far-away"
    assert len(containers_on(remote, ref)) == 12
    keys = service.keys(ref)
    deploy_hello(remote, ref)
    environment = {
        "PROJECT_URL": project["public_url"], "ANON_KEY": keys["anon"], "SERVICE_ROLE_KEY": keys["service_role"],
    }  # fmt: skip
    assert_used(json.loads(supabase_js(environment).stdout))


def test_a_dead_engine_is_said_and_its_projects_come_back_with_it(
    remote: DockerHostContainer, service: LiveService, far: str
) -> None:
    sql = ["psql", "-h", "127.0.0.1", "-U", "supabase_admin", "-d", "postgres", "-At", "-c"]
    remote.exec("docker", "exec", f"{far}-db", *sql, "create table kept as select 'still here' as word")
    remote.exec("sh", "-c", "kill -9 $(cat /run/docker.pid)")
    wait_for(service, far, "UNKNOWN", "the Docker engine did not answer")
    with service.client() as api:
        run = api.post(f"/fleet/projects/{far}/restart").json()
        assert api.get(f"/fleet/runs/{run['id']}/events", timeout=60).status_code == 200
        assert "the Docker engine did not answer" in api.get(f"/fleet/runs/{run['id']}").json()["explanation"]
    remote.prepare()
    wait_for(service, far, "ACTIVE_HEALTHY", seconds=150)
    words = remote.exec("docker", "exec", f"{far}-db", *sql, "select word from kept").stdout
    assert words.strip() == "still here"
    assert len([status for status in containers_on(remote, far) if "healthy" in status]) == 12


def test_a_host_that_is_out_of_reach_is_said_until_it_is_back(
    remote: DockerHostContainer, service: LiveService, far: str
) -> None:
    subprocess.run(["docker", "pause", remote.name], check=True, capture_output=True)
    try:
        wait_for(service, far, "UNKNOWN", "far-away", seconds=150)
    finally:
        subprocess.run(["docker", "unpause", remote.name], check=True, capture_output=True)
    wait_for(service, far, "ACTIVE_HEALTHY", seconds=150)


def test_a_full_disk_is_said_with_the_way_out(remote: DockerHostContainer, service: LiveService, far: str) -> None:
    remote.exec("mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "tmpfs", "/var/lib/supafleet/projects")
    try:
        ref = service.create("No room", host="far-away", region="eu-north-1")
        project = service.wait(ref, "INIT_FAILED", "ACTIVE_HEALTHY")
        assert "no space left on device" in project["status_reason"].lower()
        assert "free some" in project["status_reason"]
    finally:
        remote.exec("umount", "/var/lib/supafleet/projects")
    service.delete(ref)


def test_the_project_goes_without_a_trace(remote: DockerHostContainer, service: LiveService, far: str) -> None:
    ref = far
    service.delete(ref)
    assert containers_on(remote, ref) == []
    listing = remote.exec("sh", "-c", "ls /var/lib/supafleet/projects; docker volume ls -q").stdout
    assert ref not in listing
