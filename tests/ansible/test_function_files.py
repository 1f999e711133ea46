"""Edge functions on a host: unpacked, switched to, left alone, removed; through the real action and module."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from supafleet.content import content_root
from supafleet.runner.private_data import write_archive


@pytest.fixture
def place(tmp_path: Path) -> "Place":
    return Place(tmp_path)


class Place:
    """A project's folder, and runs of the module on it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.archives = folder
        self.root.mkdir()
        (folder / "locks").mkdir()
        held = {"run": "1", "kind": "project_converge", "actor": "alice", "since": 0, "expires_at": 0}
        (folder / "locks" / "demo.json").write_text(json.dumps(held))

    @property
    def lock(self) -> dict[str, str]:
        return {"data_root": str(self.archives), "project": "demo", "run": "1"}

    @property
    def deployed(self) -> Path:
        return self.root / "functions" / ".deployed"

    def put(self, folders: dict[str, str], files: dict[str, bytes], *words: str) -> dict[str, Any]:
        """Run the module with these folders by function."""
        archive = self.archives / f"{len(list(self.archives.iterdir()))}.tar.gz"
        write_archive(archive, files)
        index = json.dumps({slug: {"folder": folder} for slug, folder in folders.items()})
        arguments = {"root": str(self.root), "index": index, "archive": str(archive), "lock": self.lock}
        return self.run("function_files", arguments, *words)

    def run(self, module: str, arguments: dict[str, Any], *words: str) -> dict[str, Any]:
        program = str(Path(sys.executable).with_name("ansible"))
        command = [program, "localhost", "-c", "local", "-i", "localhost,", "-m", module, "-a", json.dumps(arguments)]
        command += ["-e", f"ansible_python_interpreter={sys.executable}", *words]
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(content_root() / "ansible.cfg"),
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        }
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=120, check=False, env=environment, cwd=content_root()
        )
        report = json.loads(answer.stdout[answer.stdout.index("{") :])
        result: dict[str, Any] = report["plays"][0]["tasks"][0]["hosts"]["localhost"]
        assert not result.get("failed"), result
        return result

    def folders(self) -> set[str]:
        return {path.name for path in self.deployed.iterdir()} - {"index.json"}


def test_functions_come_and_go(place: Place) -> None:
    files = {"hello-1/a/index.ts": b"one\x00", "hello-1/b.ts": b"", "other-1/index.ts": b"other"}
    predicted = place.put({"hello": "hello-1", "other": "other-1"}, files, "--check")
    assert predicted["changed"]
    assert not place.deployed.exists()

    done = place.put({"hello": "hello-1", "other": "other-1"}, files)
    assert (done["changed"], done["unpacked"], done["removed"]) == (True, ["hello-1", "other-1"], [])
    assert (place.deployed / "hello-1" / "a" / "index.ts").read_bytes() == b"one\x00"
    assert json.loads((place.deployed / "index.json").read_text())["hello"] == {"folder": "hello-1"}
    modes = {path.stat().st_mode & 0o777 for path in place.deployed.rglob("*")}
    assert modes == {0o755, 0o644}
    assert not place.put({"hello": "hello-1", "other": "other-1"}, files)["changed"]

    # The version before stays for calls that have begun; what the archive says outside of its folders does not count.
    second = {"hello-2/index.ts": b"two", "hello-2/../../escaped": b"x", "unasked/index.ts": b"x"}
    done = place.put({"hello": "hello-2"}, second)
    assert (done["unpacked"], done["removed"]) == (["hello-2"], ["other-1"])
    assert place.folders() == {"hello-1", "hello-2"}
    assert not list(place.root.rglob("escaped"))
    assert place.put({"hello": "hello-3"}, {"hello-3/index.ts": b"3"})["removed"] == ["hello-1"]

    assert place.put({}, {})["removed"] == ["hello-2", "hello-3"]
    assert place.folders() == set()


def test_the_comparison_predicts_and_says_nothing_of_what_it_was_not_told(place: Place) -> None:
    arguments: dict[str, Any] = {"root": str(place.root), "files": {}, "modes": {}, "lock": place.lock}
    index = json.dumps({"hello": {"folder": "hello-1"}}, indent=1)
    for told, differs in ((None, False), ("{}", False), (index, True)):
        with_functions = arguments if told is None else {**arguments, "functions": told}
        found = place.run("compose_project", {**with_functions, "services": ["db"]}, "--check")
        assert (found["functions_differ"], bool(found["diff"])) == (differs, differs), told
