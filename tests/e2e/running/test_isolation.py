"""Two projects on one host share nothing and cannot reach each other."""

import pytest

from tests.e2e import docker_eyes
from tests.e2e.running.conftest import LiveProject

pytestmark = pytest.mark.docker

REACH = (
    "const net=require('net');const [,host,port]=process.argv;const s=net.connect({host,port,timeout:1500});"
    "s.on('connect',()=>{console.log('open');process.exit()});"
    "s.on('error',()=>{console.log('closed');process.exit()});s.on('timeout',()=>{console.log('closed');process.exit()})"
)
PORTS = {
    "db": 5432, "kong": 8000, "auth": 9999, "rest": 3000, "realtime": 4000, "storage": 5000, "imgproxy": 5001,
    "meta": 8080, "functions": 9000, "analytics": 4000, "vector": 9001, "studio": 3000,
}  # fmt: skip


def address(container: dict, network: str) -> str:  # type: ignore[type-arg]
    return str(container["NetworkSettings"]["Networks"][network]["IPAddress"])


def test_all_twelve_are_healthy_in_dockers_eyes(projects: tuple[LiveProject, LiveProject]) -> None:
    for project in projects:
        assert docker_eyes.health(project.ref) == dict.fromkeys(PORTS, "healthy")


def test_networks_ports_volumes_and_secrets_are_own(projects: tuple[LiveProject, LiveProject]) -> None:
    first, second = (docker_eyes.containers(project.ref) for project in projects)
    for what in (_networks, _volumes, _published, _secrets):
        assert what(first)
        assert not what(first) & what(second), what.__name__


def _networks(containers: dict) -> set[str]:  # type: ignore[type-arg]
    return {name for one in containers.values() for name in one["NetworkSettings"]["Networks"]}


def _volumes(containers: dict) -> set[str]:  # type: ignore[type-arg]
    return {mount["Source"] for one in containers.values() for mount in one["Mounts"]}


def _published(containers: dict) -> set[str]:  # type: ignore[type-arg]
    return {str(ports) for one in containers.values() for ports in (one["HostConfig"]["PortBindings"] or {}).values()}


def _secrets(containers: dict) -> set[str]:  # type: ignore[type-arg]
    names = ("PASSWORD", "SECRET", "KEY", "TOKEN")
    pairs = [pair.split("=", 1) for one in containers.values() for pair in one["Config"]["Env"]]
    return {value for name, value in pairs if any(word in name for word in names) and len(value) >= 16}


def test_only_the_gateway_is_published_and_on_loopback(projects: tuple[LiveProject, LiveProject]) -> None:
    for project in projects:
        for service, one in docker_eyes.containers(project.ref).items():
            bindings = [binding for ports in (one["HostConfig"]["PortBindings"] or {}).values() for binding in ports]
            if service == "kong":
                assert [binding["HostIp"] for binding in bindings] == ["127.0.0.1"]
            else:
                assert bindings == []


def test_a_container_reaches_no_container_of_another_project(projects: tuple[LiveProject, LiveProject]) -> None:
    first, second = projects
    there = docker_eyes.containers(second.ref)
    here = docker_eyes.containers(first.ref)
    probe = f"{first.ref}-meta"

    def reach(host: str, port: int) -> str:
        return docker_eyes.docker("exec", probe, "node", "-e", REACH, host, str(port))

    # The probe can see an open port: its own database answers.
    assert reach(address(here["db"], first.ref), 5432) == "open"
    for service, port in PORTS.items():
        assert reach(address(there[service], second.ref), port) == "closed", service
        assert reach(f"{second.ref}-{service}", port) == "closed", service


def test_no_container_has_the_docker_socket(projects: tuple[LiveProject, LiveProject]) -> None:
    for project in projects:
        for one in docker_eyes.containers(project.ref).values():
            assert not [mount for mount in one["Mounts"] if "docker.sock" in mount["Source"]]
