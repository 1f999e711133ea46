"""The layer law: who may import whom, and where queries and commits may stand."""

import ast
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
        if place.parts[0] == "cli" and target[0] not in _CLI_MAY_IMPORT | {"__version__"}:
            found.append(f"the command line imports {name}")
        if layer == "service.py" and (target[-1].endswith("router") or target[0] in ("runner", "cli", "app")):
            found.append(f"a service imports {name}")
        if layer == "service.py" and "repository" in target and target[0] != place.parts[0]:
            found.append(f"a service imports another domain's {name}")
        if layer == "repository.py" and target[-1] in ("service", "router", "schemas"):
            found.append(f"a repository imports {name}")
        if layer == "models.py" and {"service", "router", "schemas", "repository"} & set(target):
            found.append(f"models import {name}")
    called = set(calls(tree))
    if {"select", "insert", "update", "delete"} & called and not _may_query(place):
        found.append("makes a query outside a repository")
    if ".commit" in called and place != Path("db.py"):
        found.append("commits outside db.py")
    return sorted(set(found))


_CLI_MAY_IMPORT = {"cli", "settings", "app", "content", "keys", "inventory", "stack", "runs", "errors", "sandbox"}
_CLI_MAY_IMPORT |= {"worker_process"}


def _may_query(place: Path) -> bool:
    # The rows of workers belong to the job engine alone and stand beside it.
    return place.name == "repository.py" or place == Path("jobs/workers.py")


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
        ("projects/service.py", "from supafleet.runner.launcher import AnsibleRunnerLauncher"),
        ("projects/service.py", "import sqlalchemy as sa\nsa.select(1)"),
        ("projects/service.py", "session.commit()"),
        ("runs/repository.py", "from supafleet.runs import service"),
        ("runs/models.py", "from supafleet.runs.schemas import RunOut"),
        ("cli/projects.py", "from supafleet.db import reading"),
    ],
)
def test_the_law_notices(place: str, source: str) -> None:
    assert violations(Path(place), source)
