"""The API and a direct run make the same project."""

import difflib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import docker_eyes
from tests.e2e.direct_run import DirectRun
from tests.e2e.live_service import SETTINGS, LiveService
from tests.e2e.running.conftest import LiveProject

pytestmark = pytest.mark.docker

VOLATILE = {
    "Id",
    "Created",
    "State",
    "ResolvConfPath",
    "HostnamePath",
    "HostsPath",
    "LogPath",
    "NetworkSettings",
    "GraphDriver",
    "RestartCount",
    "ExecIDs",  # a health check that happens to run
}
HEX = re.compile(r"\b[0-9a-f]{12,64}\b")


def secrets_of(ref: str) -> list[str]:
    """Values that differ by nature, longest first."""
    values = set()
    for path in (Path("/var/lib/supafleet/projects") / ref / "env").iterdir():
        for line in path.read_text().splitlines():
            name, _, value = line.partition("=")
            if any(word in name for word in ("PASSWORD", "SECRET", "KEY", "TOKEN", "SALT")):
                values.add(value.strip("'"))
    uris = re.findall(
        r"//\w+:([A-Za-z0-9]+)@",
        " ".join(p.read_text() for p in (Path("/var/lib/supafleet/projects") / ref / "env").iterdir()),
    )
    return sorted(
        {value for value in values | set(uris) if len(value) >= 8 and value != "supabase"}, key=len, reverse=True
    )


def normalised(text: str, ref: str, project: dict[str, Any]) -> str:
    for value in secrets_of(ref):
        text = text.replace(value, "<secret>")
    prefix = project["subnet"].rsplit(".", 1)[0]
    text = text.replace(ref, "<ref>").replace(prefix, "<subnet>").replace(str(project["gateway_port"]), "<port>")
    return HEX.sub("<hex>", text)


def rendered_files(ref: str, project: dict[str, Any]) -> dict[str, tuple[int, str]]:
    root = Path("/var/lib/supafleet/projects") / ref
    return {
        str(path.relative_to(root)): (path.stat().st_mode & 0o777, normalised(path.read_text(), ref, project))
        for path in sorted(root.rglob("*"))
        if path.is_file() and not _is_deployed(path.relative_to(root))
    }


def _is_deployed(path: Path) -> bool:
    """Whether a user put it there: the tests beside this one deploy functions."""
    return path.parts[0] == "functions" and path.parts[1] != "main"


def inspections(ref: str, project: dict[str, Any]) -> dict[str, str]:
    found = {}
    for service, one in docker_eyes.containers(ref).items():
        stable = {name: value for name, value in one.items() if name not in VOLATILE}
        stable["Config"].pop("Hostname", None)
        stable["Config"]["Env"] = sorted(stable["Config"]["Env"])
        stable["Mounts"] = sorted(stable["Mounts"], key=lambda mount: mount["Destination"])
        # Compose lists the mounts in no order.
        stable["HostConfig"]["Mounts"] = sorted(stable["HostConfig"].get("Mounts") or [], key=lambda one: one["Target"])
        stable["HostConfig"]["Binds"] = sorted(stable["HostConfig"]["Binds"] or [])
        labels = stable["Config"]["Labels"]
        for label in ("com.docker.compose.image", "supafleet.files", "com.docker.compose.config-hash"):
            labels.pop(label, None)
        found[service] = normalised(json.dumps(stable, sort_keys=True, indent=1), ref, project)
    return found


def test_files_and_containers_are_the_same(
    service: LiveService, projects: tuple[LiveProject, LiveProject], direct_run: DirectRun
) -> None:
    by_api = service.project(projects[0].ref)
    ref = "by-playbook-alone-xx"
    direct_run.project(
        ref,
        9,
        name=by_api["name"],
        organization_name=_organization(service),
        size=by_api["size"],
        settings=SETTINGS,
    )
    inventory = direct_run.folder / "supafleet.yml"
    inventory.write_text(inventory.read_text().replace("installation: test-direct", "installation: test-e2e"))
    direct_run.create(ref)
    by_playbook = {"subnet": "10.222.9.0/24", "gateway_port": 25209}
    assert rendered_files(ref, by_playbook) == rendered_files(by_api["ref"], by_api)
    made, expected = inspections(ref, by_playbook), inspections(by_api["ref"], by_api)
    assert set(made) == set(expected)
    for service_name, inspection in expected.items():
        difference = difflib.unified_diff(inspection.splitlines(), made[service_name].splitlines(), lineterm="", n=1)
        assert list(difference) == [], service_name


def _organization(service: LiveService) -> str:
    with service.client() as api:
        return str(api.get("/v1/organizations").json()[0]["name"])
