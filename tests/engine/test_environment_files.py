"""Environment files against the real Compose and the real engine: what is written is what a container gets."""

import json
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supafleet.stack.environment_file import format_environment

pytestmark = pytest.mark.docker

AWKWARD = st.text(alphabet="\\'\"$ {}()#=ab`!\t%:&|<>*?é\u2028", max_size=12)
ANY = st.text(alphabet=st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"]), max_size=12)


def run(folder, *arguments, standard_input=None):
    done = subprocess.run(
        arguments, cwd=folder, input=standard_input, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_project(folder, name, image, variables):
    service = {
        "image": image,
        "command": ["nothing"],
        "env_file": ["./variables.env"],
        "network_mode": "none",
        "container_name": name,
    }
    (folder / "compose.yml").write_text(json.dumps({"name": name, "services": {"sample": service}}))
    (folder / "variables.env").write_text(format_environment("sample", variables), encoding="utf-8")


@pytest.fixture(scope="module")
def image():
    """An image that holds nothing: containers are created from it and never started."""
    reference = f"supafleet-test-environment:{uuid.uuid4().hex[:12]}"
    subprocess.run(
        ["docker", "import", "-", reference], input=bytes(10240), check=True, capture_output=True, timeout=60
    )
    yield reference
    subprocess.run(["docker", "rmi", "--force", reference], check=True, capture_output=True, timeout=60)


@pytest.fixture
def project(tmp_path, image):
    """Creates the container of one sample service and tells its environment and config hash."""
    name = f"supafleet-test-environment-{uuid.uuid4().hex[:8]}"

    def create(variables):
        write_project(tmp_path, name, image, variables)
        run(tmp_path, "docker", "compose", "create")
        [inspection] = json.loads(run(tmp_path, "docker", "inspect", name))
        pairs = (entry.split("=", 1) for entry in inspection["Config"]["Env"])
        return dict(pairs), inspection["Config"]["Labels"]["com.docker.compose.config-hash"]

    create.folder = tmp_path
    yield create
    run(tmp_path, "docker", "compose", "down", "--volumes")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(AWKWARD | ANY, min_size=20, max_size=60))
def test_compose_reads_back_what_was_written(values):
    variables = {f"V{number}": value for number, value in enumerate(values)}
    with tempfile.TemporaryDirectory() as folder:
        write_project(Path(folder), "sample", "sample", variables)
        config = json.loads(run(folder, "docker", "compose", "config", "--format", "json"))
    # Compose doubles dollar signs when it prints a file that can be read again.
    read = {name: value.replace("$$", "$") for name, value in config["services"]["sample"]["environment"].items()}
    assert read == variables


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(AWKWARD | ANY, min_size=40, max_size=60))
def test_a_container_gets_what_was_written(project, values):
    variables = {f"V{number}": value for number, value in enumerate(values)}
    environment, _ = project(variables)
    assert {name: value for name, value in environment.items() if name != "PATH"} == variables


def test_a_changed_variable_is_seen_in_the_hash_of_the_resolved_file(project):
    """`config --hash` alone leaves environment files out; over the resolved file it gives the container's label."""
    hashes = []
    for value in ("one", "two"):
        _, label = project({"NAME": value})
        resolved = run(project.folder, "docker", "compose", "config", "--format", "json")
        output = run(
            project.folder, "docker", "compose", "-f", "-", "config", "--hash", "sample", standard_input=resolved
        )
        assert output.split() == ["sample", label]
        hashes.append(label)
    assert hashes[0] != hashes[1]
