"""Every command of the README, the tutorial and the operator's page, run as it stands there, in a clean clone."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from supafleet.content import content_root
from tests.e2e import docker_eyes
from tests.e2e.live_service import free_port

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]

NOT_RUN_HERE = {"make test"}  # it is what runs this
TEXT = re.compile(r"^```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    return commands_in(page.read_text())


def commands_in(text: str) -> list[str]:
    blocks = CONSOLE.findall(text)
    return [line for block in blocks for line in block.splitlines() if line and line not in NOT_RUN_HERE]


def labels_of_the_end(page: Path) -> list[str]:
    """What the page says that `make up` tells at its end."""
    shown = next(block for block in TEXT.findall(page.read_text()) if "ACTIVE_HEALTHY" in block)
    return [re.split(" {2,}", line)[0] for line in shown.splitlines()]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("clone")
    folder, origin = place / "supafleet", place / "origin.git"
    # This checkout may be on no branch at all, and a clone of it would have nothing to pull.
    subprocess.run(["git", "clone", "--quiet", "--bare", str(content_root()), str(origin)], check=True)
    subprocess.run(["git", "update-ref", "refs/heads/pulled", "HEAD"], cwd=origin, check=True)
    subprocess.run(["git", "clone", "--quiet", "--branch", "pulled", str(origin), str(folder)], check=True)
    yield folder
    subprocess.run(
        ["make", "down", "PURGE=1"], cwd=folder, env=environment(), check=False, capture_output=True, timeout=300
    )


_PORT = free_port()


def environment() -> dict[str, str]:
    """The person's own, with another installation's place on this machine."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("SUPAFLEET_", "ANSIBLE_", "MAKE"))}
    return {
        **own,
        "PORT": str(_PORT),
        "SUPAFLEET_INSTALLATION": "test-docs",
        "SUPAFLEET_LOCAL_PORT_FIRST": "25400",
        "SUPAFLEET_LOCAL_PORT_LAST": "25449",
        "SUPAFLEET_LOCAL_SUBNET_POOL": "10.226.0.0/16",
    }


def run(lines: list[str], folder: Path) -> str:
    """The output of the commands, run in one shell that stops at the first failure."""
    script = "set -eu\n" + "\n".join(lines) + "\n"
    answer = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment(), capture_output=True, text=True, timeout=1100, check=False
    )
    assert answer.returncode == 0, answer.stdout[-6000:] + answer.stderr[-3000:]
    return answer.stdout


def test_the_readme(clone: Path) -> None:
    lines = commands(clone / "README.md")
    assert lines[0] == "make up"
    output = run(lines, clone)
    credentials = clone / ".supafleet" / "credentials.env"
    assert credentials.stat().st_mode & 0o777 == 0o600
    names = [line.split("=")[0].removeprefix("export ") for line in credentials.read_text().splitlines() if "=" in line]
    assert names == [
        "SUPAFLEET_API_URL", "SUPAFLEET_ACCESS_TOKEN", "PROJECT_REF", "PROJECT_URL", "ANON_KEY", "SERVICE_ROLE_KEY",
        "STUDIO_USERNAME", "STUDIO_PASSWORD",
    ]  # fmt: skip
    values = dict(
        line.removeprefix("export ").split("=", 1) for line in credentials.read_text().splitlines() if "=" in line
    )
    ref = values["PROJECT_REF"].strip("'\"")
    assert values["PROJECT_URL"].strip("'\"") in output
    for label in labels_of_the_end(clone / "README.md"):
        assert re.search(rf"^{label} {{2,}}", output, re.MULTILINE), f"{label} is told at the end"
    assert list(docker_eyes.health(ref).values()) == ["healthy"] * 12
    for phase in ("network", "volumes", "files", "watch", "verify"):
        assert phase in output

    before = docker_eyes.container_ids(ref)
    again = run(["make up"], clone)
    assert docker_eyes.container_ids(ref) == before
    assert values["ANON_KEY"].strip("'\"") in again
    assert (
        subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True).stdout
        == ""
    ), "what the commands make is git-ignored"


def test_the_operators_page(clone: Path) -> None:
    run(["make up"], clone)
    sections = (clone / "docs" / "how-to" / "operate.md").read_text().split("\n## ")
    lines = {title: commands_in(text) for title, _, text in (section.partition("\n") for section in sections)}
    credentials = (clone / ".supafleet" / "credentials.env").read_text()
    ref = next(line for line in credentials.splitlines() if line.startswith("PROJECT_REF=")).partition("=")[2]

    def write(table: str) -> None:
        docker_eyes.docker(
            "exec", f"{ref}-db", "psql", "-h", "127.0.0.1", "-U", "supabase_admin", "-c", f"create table {table}()"
        )

    def tables() -> list[str]:
        asked = "select relname from pg_class where relname like 'docs_%'"
        return docker_eyes.docker(
            "exec", f"{ref}-db", "psql", "-h", "127.0.0.1", "-U", "supabase_admin", "-Atc", asked
        ).split()

    run(lines.pop("Back up the service"), clone)
    containers = docker_eyes.container_ids(ref)
    run(lines.pop("Restore the service"), clone)
    assert (clone / ".supafleet" / "credentials.env").read_text() == credentials, "the same keys and token"
    assert docker_eyes.container_ids(ref) == containers, "the project knows nothing of it"

    write("docs_before")
    run(lines.pop("Back up a project"), clone)
    dump = clone.parent / "project-backup" / "database.dump"
    assert dump.read_bytes().startswith(b"PGDMP")
    assert b"docs_before" in dump.read_bytes()
    write("docs_after")
    run(lines.pop("Restore a project"), clone)
    assert tables() == ["docs_before"]
    assert list(docker_eyes.health(ref).values()) == ["healthy"] * 12

    run(lines.pop("Upgrade"), clone)
    assert not any(lines.values()), "every command of the page was run above"


def test_the_tutorial(clone: Path) -> None:
    lines = commands(clone / "docs" / "tutorial.md")
    output = run(lines, clone)
    assert "ACTIVE_HEALTHY" in output
    left = docker_eyes.docker("ps", "-aq", "--filter", "label=supafleet.installation=test-docs")
    assert left == ""
