"""An installed wheel carries its playbooks and roles."""

import subprocess
import sys
from pathlib import Path

import pytest

from supafleet.content import content_root
from tests.e2e.live_service import LiveService

pytestmark = pytest.mark.docker


def test_a_wheel_in_an_empty_environment_makes_a_project(sandbox_images: dict[str, str], tmp_path: Path) -> None:
    built = tmp_path / "built"
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(built), str(content_root())],
        check=True,
        capture_output=True,
        timeout=300,
    )
    (wheel,) = built.glob("*.whl")
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, timeout=120)
    pip = [
        str(environment / "bin" / "pip"),
        "install",
        "--quiet",
        "--no-compile",
        "--constraint",
        str(content_root() / "constraints.txt"),
    ]
    subprocess.run([*pip, str(wheel)], check=True, timeout=600)
    live = LiveService(tmp_path / "data", "wheel", (25150, 25159), "10.224.0.0/16")
    live.start(str(environment / "bin" / "supafleet"))
    try:
        ref = live.create("From a wheel")
        project = live.wait(ref, "ACTIVE_HEALTHY", "INIT_FAILED")
        assert project["status"] == "ACTIVE_HEALTHY", project["status_reason"]
        live.delete(ref)
    finally:
        live.stop()
