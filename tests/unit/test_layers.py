"""The layer law: who may import whom, and where queries and commits may stand."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import supafleet

PACKAGE = Path(supafleet.__file__).parent
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "_content" not in path.parts)


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of everything a module imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def calls(tree: ast.AST) -> Iterator[str]:
    """Names of everything a module calls: `select`, `sa.select` and `.commit` as select and commit."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id
            elif isinstance(node.func, ast.Attribute):
                yield f".{node.func.attr}"
                if isinstance(node.func.value, ast.Name) and node.func.value.id in ("sa", "sqlalchemy", "sqlmodel"):
                    yield node.func.attr


def violations(place: Path, source: str) -> list[str]:
    """What a module at this place of the package does against the law."""
    tree = ast.parse(source)
    layer, found = place.name, []
    for name in imports(tree):
        if name.split(".")[0] == "ansible_runner" and place.parts[0] != "runner":
            found.append("imports ansible_runner outside runner/")
        if name.split(".")[0] == "dbos" and place.parts[0] != "jobs":
            found.append("imports dbos outside jobs/")
        if not name.startswith("supafleet."):
            continue
        target = name.split(".")[1:]
        is_edge = layer.endswith("router.py") or place.parts[0] == "cli" or layer in ("app.py", "deps.py", "probes.py")
        if is_edge and "repository" in target:
            found.append(f"an edge imports {name}")
        if place.parts[0] == "cli" and target[0] not in _CLI_MAY_IMPORT:
            found.append(f"the command line imports {name}")
        if layer == "service.py" and (target[-1].endswith("router") or target[0] in ("runner", "cli", "app")):
            found.append(f"a service imports {name}")
        if "repository" in target and target[0] != place.parts[0] and (str(place), target[0]) not in _MAY_READ_BESIDE:
            found.append(f"imports another domain's {name}")
        if layer == "repository.py" and target[-1] in ("service", "router", "schemas"):
            found.append(f"a repository imports {name}")
        if layer == "models.py" and {"service", "router", "schemas", "repository"} & set(target):
            found.append(f"models import {name}")
    called = set(calls(tree))
    if {"select", "insert", "update", "delete"} & called and layer != "repository.py":
        found.append("makes a query outside a repository")
    if "LaunchRequest" in called and place not in _MAY_LAUNCH:
        found.append("puts together itself what is launched")
    if ".commit" in called and place != Path("db.py"):
        found.append("commits outside db.py")
    return sorted(set(found))


_CLI_MAY_IMPORT = {
    "__version__",
    "app",
    "cli",
    "content",
    "errors",
    "flavour",
    "runs",
    "sandbox",
    "settings",
    "worker_process",
}
# The projects of an account are those of its organizations, and that is one statement.
_MAY_READ_BESIDE = {("projects/repository.py", "organizations")}
# On a project with its secrets, and on a Docker host, which has none.
_MAY_LAUNCH = {Path("projects/launching.py"), Path("jobs/observer.py")}


def targets(path: Path) -> set[str]:
    """The parts of the package that a module imports from: domains, and modules that stand for themselves."""
    named = (name.split(".") for name in imports(ast.parse(path.read_text())))
    return {words[1] for words in named if words[0] == "supafleet" and len(words) > 1}


def test_no_exception_is_for_nothing() -> None:
    assert (
        set[str]().union(*(targets(path) for path in SOURCES if path.is_relative_to(PACKAGE / "cli")))
        == _CLI_MAY_IMPORT
    )
    for place, domain in _MAY_READ_BESIDE:
        assert domain in targets(PACKAGE / place)
    for path in _MAY_LAUNCH:
        assert "LaunchRequest" in calls(ast.parse((PACKAGE / path).read_text()))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_keeps_the_law_and_its_size(path: Path) -> None:
    source = path.read_text()
    assert violations(path.relative_to(PACKAGE), source) == []
    assert len(source.splitlines()) < 400


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("jobs/x.py", "import ansible_runner"),
        ("projects/service.py", "from dbos import DBOS"),
        ("projects/router.py", "from supafleet.projects import repository"),
        ("projects/fleet_router.py", "from supafleet.hosts.repository import list_hosts"),
        ("projects/service.py", "from supafleet.hosts import repository"),
        ("projects/creation.py", "from supafleet.hosts.repository import list_hosts"),
        ("projects/repository.py", "from supafleet.hosts import repository"),
        ("jobs/workers.py", "import sqlalchemy as sa\nsa.select(1)"),
        ("projects/service.py", "from supafleet.runner.launcher import AnsibleRunnerLauncher"),
        ("projects/service.py", "import sqlalchemy as sa\nsa.select(1)"),
        ("projects/service.py", "session.commit()"),
        ("runs/repository.py", "from supafleet.runs import service"),
        ("runs/models.py", "from supafleet.runs.schemas import RunOut"),
        ("cli/projects.py", "from supafleet.db import reading"),
        ("jobs/worker.py", "LaunchRequest('id', 1, 'project_create.yml', 'one', 'local', {})"),
    ],
)
def test_the_law_notices(place: str, source: str) -> None:
    assert violations(Path(place), source)


def test_no_lint_rule_is_waived_for_the_service() -> None:
    lint = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "ignore" not in lint
    assert {pattern.split("/")[0] for pattern in lint["per-file-ignores"]} == {"tests", "benchmarks", "plugins"}


@pytest.mark.parametrize("folder", ["tests", "benchmarks", "plugins"])
def test_no_module_beside_the_service_is_too_long_either(folder: str) -> None:
    modules = list((PACKAGE.parents[1] / folder).rglob("*.py"))
    assert modules
    assert [path.name for path in modules if len(path.read_text().splitlines()) >= 400] == []
