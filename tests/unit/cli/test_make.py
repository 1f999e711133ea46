"""The Makefile's verbs, the pins, and what continuous integration calls."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PIN = re.compile(r"([a-z0-9][a-z0-9-]*)==([^\s;]+)(\s+#.*)?")


def dry_run(*arguments: str) -> str:
    """What make would run, read the same from a shell and from inside ``make test``, which hands its flags down."""
    command = ["make", "-n", "--no-print-directory", f"PYTHON={sys.executable}", *arguments]
    return subprocess.run(command, cwd=ROOT, env=_outside_make(), capture_output=True, text=True, check=True).stdout


def _outside_make() -> dict[str, str]:
    own = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTEST_ARGS", "FLAVOUR", "PORT", "MIRROR", "PURGE"}
    return {name: value for name, value in os.environ.items() if name not in own}


def pins() -> dict[str, str]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    found = [PIN.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return {match[1]: match[2] for match in found if match}


@pytest.mark.parametrize("verb", ["up", "down", "test", "check", "lint", "bench", "docs"])
def test_every_verb_is_a_target(verb: str) -> None:
    assert dry_run(verb)


def test_up_and_down_are_thin() -> None:
    assert ".venv/bin/supafleet up --flavour supabase" in dry_run("up", "FLAVOUR=supabase")
    mirror = "http://mirror.example.com/debian"
    assert f".venv/bin/supafleet up   --sandbox-mirror '{mirror}'" in dry_run("up", f"MIRROR={mirror}")
    assert re.search(r"^\.venv/bin/supafleet up *$", dry_run("up"), re.MULTILINE)
    assert re.search(r"^\.venv/bin/supafleet down *$", dry_run("down"), re.MULTILINE)
    assert ".venv/bin/supafleet down --purge --yes" in dry_run("down", "PURGE=1")


@pytest.mark.parametrize(
    ("failing", "code"), [("not docker", 1), ("docker", 1), ("nothing", 0)], ids=["first", "second", "none"]
)
def test_the_last_that_test_does_is_pytest_twice_and_either_may_fail_it(
    tmp_path: Path, failing: str, code: int
) -> None:
    commands = dry_run("test")
    recipe = commands[commands.index("failed=0;") :]
    program = tmp_path / ".venv" / "bin" / "pytest"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/bash\nprintf "%s|" "$@" >>said; echo >>said; [ "${*: -1}" != "$FAILING" ]\n')
    program.chmod(0o755)
    shell = ["bash", "-euo", "pipefail", "-c", recipe]
    answer = subprocess.run(shell, cwd=tmp_path, env=os.environ | {"FAILING": failing}, check=False)
    assert answer.returncode == code
    assert (tmp_path / "said").read_text() == "-n|3|--dist|loadfile|-m|not docker|\n-m|docker|\n"


def test_the_last_that_check_does_is_pytest_without_docker() -> None:
    last = dry_run("check").splitlines()[-1]
    assert re.fullmatch(r'\.venv/bin/pytest -n 3 --dist loadfile -m "not docker" *', last)


def test_continuous_integration_calls_make_test() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text()
    assert script.read_text().splitlines()[-1] == "exec make test"


def test_every_dependency_is_pinned_without_naming_a_source() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=~!; ]", requirement)[0].lower() for requirement in wanted}
    assert names <= pins().keys()
    assert not re.search(r"://|^--|find-links|index", (ROOT / "constraints.txt").read_text(), re.MULTILINE)


def test_an_unsupported_python_is_refused_in_a_sentence(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text(
        "#!/bin/sh\n"
        'case "$2" in *version_info\\[:2\\]*sys.exit*|*sys.exit*) exit 1;; *%d.%d*) echo 3.9;; esac\n'
        'if [ "$1" = -V ]; then echo Python 3.9.2; fi\n'
    )
    old.chmod(0o755)
    command = ["make", f"PYTHON={old}", f"VENV={tmp_path / 'venv'}", "docs"]
    ran = subprocess.run(command, cwd=ROOT, env=_outside_make(), capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    assert f"error: {old} is Python 3.9.2; Python 3.11 to 3.13 is needed" in ran.stderr
    assert not (tmp_path / "venv").exists()
