"""Breaking what a stand-in needs turns its own health check unhealthy, and mending it heals it."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e import docker_eyes
from tests.e2e.live_service import LiveService
from tests.e2e.running.conftest import LiveProject

pytestmark = pytest.mark.docker

PATIENCE_SECONDS = 120


@pytest.fixture(scope="module", autouse=True)
def _no_healing(service: LiveService, projects: tuple[LiveProject, LiveProject]) -> Iterator[None]:
    """The service would bring back what these tests stop."""
    path = f"/fleet/projects/{projects[1].ref}"
    with service.client() as api:
        assert api.patch(path, json={"self_healing": False}).status_code == 200
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


ROLES = {"auth": "supabase_auth_admin", "rest": "authenticator", "storage": "supabase_storage_admin"}


@contextmanager
def roles_that_cannot_log_in(ref: str) -> Iterator[None]:
    for role in ROLES.values():
        psql(ref, f"alter role {role} nologin")
        psql(ref, f"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{role}'")
    try:
        yield
    finally:
        for role in ROLES.values():
            psql(ref, f"alter role {role} login")


@contextmanager
def stopped(ref: str, service: str) -> Iterator[None]:
    docker_eyes.docker("stop", f"{ref}-{service}")
    try:
        yield
    finally:
        docker_eyes.docker("start", f"{ref}-{service}")


@contextmanager
def hanging(ref: str, *services: str) -> Iterator[None]:
    pids = [docker_eyes.containers(ref)[service]["State"]["Pid"] for service in services]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_services_notice_what_is_broken_whatever_else_is(projects: tuple[LiveProject, LiveProject]) -> None:
    """A role that cannot log in, a receiver of logs that is gone, and a gateway and an image proxy, which need nothing
    but themselves, that hang. Functions is not here: its official check only connects, which a hanging process still
    answers."""
    ref, sick = projects[1].ref, (*ROLES, "vector", "kong", "imgproxy")
    with roles_that_cannot_log_in(ref), stopped(ref, "analytics"), hanging(ref, "kong", "imgproxy"):
        for service in sick:
            wait_for_health(ref, service, "unhealthy")
        assert {docker_eyes.health(ref)[service] for service in ("db", "meta", "realtime")} == {"healthy"}
    for service in (*sick, "analytics"):
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
    # The database too: a check of a container that is frozen fails.
    for service in docker_eyes.health(ref):
        wait_for_health(ref, service, "healthy")
