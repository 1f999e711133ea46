"""Breaking what a stand-in needs turns its own health check unhealthy, and mending it heals it."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.e2e import docker_eyes
from tests.e2e.live_service import LiveService
from tests.e2e.running.conftest import LiveProject

pytestmark = pytest.mark.docker

PATIENCE_SECONDS = 120


@pytest.fixture(scope="module", autouse=True)
def _no_healing(service: LiveService, projects: tuple[LiveProject, LiveProject]) -> Iterator[None]:
    """The service would bring back what these tests stop; and these wait for checks, so they get the usual pace."""
    path = f"/fleet/projects/{projects[1].ref}"
    change = {"self_healing": False, "settings": {"health_interval": None}}
    with service.client() as api:
        assert api.patch(path, json=change, timeout=330).status_code == 200
    yield
    with service.client() as api:
        assert api.patch(path, json={"self_healing": True}).status_code == 200


def wait_for_health(ref: str, service: str, wanted: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if docker_eyes.health(ref)[service] == wanted:
            return
        time.sleep(0.5)
    raise AssertionError(f"{service} is {docker_eyes.health(ref)[service]}, not {wanted}, after {PATIENCE_SECONDS} s")


def psql(ref: str, sql: str, database: str = "postgres") -> None:
    words = ["psql", "-h", "127.0.0.1", "-U", "supabase_admin", "-d", database, "-v", "ON_ERROR_STOP=1", "-c", sql]
    docker_eyes.docker("exec", f"{ref}-db", *words)


def break_role(ref: str, role: str) -> None:
    psql(ref, f"alter role {role} nologin")
    psql(ref, f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{role}'")


ROLES = {"auth": "supabase_auth_admin", "rest": "authenticator", "storage": "supabase_storage_admin"}


def test_services_notice_that_their_role_cannot_log_in(projects: tuple[LiveProject, LiveProject]) -> None:
    ref = projects[1].ref
    for role in ROLES.values():
        break_role(ref, role)
    try:
        for service in ROLES:
            wait_for_health(ref, service, "unhealthy")
        assert docker_eyes.health(ref)["db"] == "healthy"
    finally:
        for role in ROLES.values():
            psql(ref, f"alter role {role} login")
    for service in ROLES:
        wait_for_health(ref, service, "healthy")


def test_services_notice_that_a_table_is_gone(projects: tuple[LiveProject, LiveProject]) -> None:
    ref = projects[1].ref
    moves = {
        "auth": ("postgres", "auth.users"),
        "storage": ("postgres", "storage.buckets"),
        "realtime": ("postgres", "_realtime.tenants"),
    }
    for database, table in moves.values():
        psql(ref, f"alter table {table} rename to hidden_by_test", database)
    try:
        for service in moves:
            wait_for_health(ref, service, "unhealthy")
    finally:
        for database, table in moves.values():
            schema, name = table.split(".")
            psql(ref, f"alter table {schema}.hidden_by_test rename to {name}", database)
    for service in moves:
        wait_for_health(ref, service, "healthy")


def test_dependants_notice_that_the_database_is_gone(projects: tuple[LiveProject, LiveProject]) -> None:
    ref = projects[1].ref
    dependants = ("auth", "rest", "realtime", "storage", "meta", "analytics", "studio")
    docker_eyes.docker("pause", f"{ref}-db")
    try:
        for service in dependants:
            wait_for_health(ref, service, "unhealthy")
        assert docker_eyes.health(ref)["imgproxy"] == "healthy"
    finally:
        docker_eyes.docker("unpause", f"{ref}-db")
    for service in dependants:
        wait_for_health(ref, service, "healthy")


def test_the_log_pipeline_notices_that_its_receiver_is_gone(projects: tuple[LiveProject, LiveProject]) -> None:
    ref = projects[1].ref
    docker_eyes.docker("stop", f"{ref}-analytics")
    try:
        wait_for_health(ref, "vector", "unhealthy")
    finally:
        docker_eyes.docker("start", f"{ref}-analytics")
    wait_for_health(ref, "vector", "healthy")


def test_a_gateway_and_an_image_proxy_that_hang_are_noticed(projects: tuple[LiveProject, LiveProject]) -> None:
    """They need nothing but themselves. Functions is not here: its official check only connects, which a hanging
    process still answers."""
    ref = projects[1].ref
    pids = [docker_eyes.containers(ref)[service]["State"]["Pid"] for service in ("kong", "imgproxy")]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        for service in ("kong", "imgproxy"):
            wait_for_health(ref, service, "unhealthy")
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    for service in ("kong", "imgproxy"):
        wait_for_health(ref, service, "healthy")
