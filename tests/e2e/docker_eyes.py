"""Docker's own words on what exists: the tests' independent eyes."""

import json
import subprocess
from pathlib import Path
from typing import Any

RECORDS = Path("/var/lib/supafleet")


def docker(*words: str, check: bool = True, timeout: float = 120) -> str:
    answer = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=timeout, check=False)
    assert not check or answer.returncode == 0, f"docker {' '.join(words)}: {answer.stderr}"
    return answer.stdout.strip()


def containers(ref: str) -> dict[str, dict[str, Any]]:
    """Inspections of a project's containers by service."""
    ids = docker("ps", "-aq", "--filter", f"label=supafleet.project={ref}").split()
    inspections = json.loads(docker("inspect", *ids)) if ids else []
    return {one["Config"]["Labels"]["supafleet.service"]: one for one in inspections}


def health(ref: str) -> dict[str, str]:
    return {service: one["State"].get("Health", {}).get("Status", "none") for service, one in containers(ref).items()}


def volumes(ref: str) -> list[str]:
    return docker("volume", "ls", "-q", "--filter", f"label=supafleet.project={ref}").split()


def networks(ref: str) -> list[str]:
    return docker("network", "ls", "-q", "--filter", f"label=supafleet.project={ref}").split()


def leftovers(ref: str) -> dict[str, Any]:
    """Everything of a project that Docker still has."""
    found = {"containers": sorted(containers(ref)), "volumes": volumes(ref), "networks": networks(ref)}
    return {kind: things for kind, things in found.items() if things}


def container_ids(ref: str) -> dict[str, str]:
    return {service: one["Id"] for service, one in containers(ref).items()}


def leases() -> dict[str, Any]:
    """What the host's record says is taken, by installation and project."""
    path = RECORDS / "leases.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def assert_nothing_is_left(ref: str) -> None:
    """No labelled object, no folder, no lock, no lease, and no object that only has the name."""
    assert leftovers(ref) == {}
    assert not (RECORDS / "projects" / ref).exists()
    assert not (RECORDS / "locks" / f"{ref}.json").exists()
    assert not [owner for owner in leases() if owner.endswith(f"/{ref}")]
    names = docker("ps", "-a", "--format", "{{.Names}}") + docker("volume", "ls", "-q") + docker("network", "ls")
    assert ref not in names
