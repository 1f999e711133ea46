"""Laws of the seam to ansible-runner."""

import ast
from pathlib import Path

from supafleet.content import content_root
from supafleet.runs.vocabulary import RunKind

PACKAGE = Path(__file__).resolve().parents[3] / "service" / "supafleet"


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.partition(".")[0])
    return names


def test_only_the_child_imports_ansible_runner_and_only_one_module_imports_dbos() -> None:
    users: dict[str, list[str]] = {"ansible_runner": [], "dbos": []}
    for path in PACKAGE.rglob("*.py"):
        for name in users.keys() & _imports(path):
            users[name].append(path.relative_to(PACKAGE).as_posix())

    assert users == {"ansible_runner": ["runner/child.py"], "dbos": ["jobs/durable.py", "jobs/queueing.py"]}


def test_kinds_and_playbooks_are_the_same() -> None:
    playbooks = {path.name for path in (content_root() / "playbooks").glob("project_*.yml")}

    # Reading logs is no run: it is launched for one reader and never stored. Unlocking is a part of a run.
    assert playbooks - {"project_logs.yml", "project_unlock.yml"} == {kind.playbook for kind in RunKind}
