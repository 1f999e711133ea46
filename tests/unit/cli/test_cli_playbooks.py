"""The playbooks that the command line runs, over real Ansible."""

import stat
import subprocess
from pathlib import Path

import pytest

from supafleet.cli import playbooks
from supafleet.cli.exits import CommandError
from supafleet.cli.playbooks import run_playbook


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "inventories" / "local").mkdir(parents=True)
    (tmp_path / "inventories" / "local" / "hosts.yml").write_text(
        "docker_hosts:\n  hosts:\n    here:\n      ansible_connection: local\n"
        "      ansible_python_interpreter: '{{ ansible_playbook_python }}'\n"
    )
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    (tmp_path / "playbooks").mkdir()
    monkeypatch.setattr(playbooks, "content_root", lambda: tmp_path)
    return tmp_path


def play(content: Path, tasks: str) -> None:
    head = "- name: Try\n  hosts: docker_hosts\n  gather_facts: false\n  tasks:\n"
    (content / "playbooks" / "try.yml").write_text(head + tasks)


def test_a_playbook_is_a_line_per_task(content: Path) -> None:
    play(
        content,
        "    - name: Sleep a little\n      ansible.builtin.command: sleep 0.5\n"
        "    - name: Do not\n      ansible.builtin.command: 'false'\n      when: false\n"
        "    - name: Say\n      ansible.builtin.debug:\n        msg: hello\n",
    )
    lines = list(run_playbook("try", content / "log" / "try.log"))
    assert [(line.outcome, line.name) for line in lines] == [("changed", "Sleep a little"), ("ok", "Say")]
    assert lines[0].seconds >= 0.5
    assert stat.S_IMODE((content / "log" / "try.log").stat().st_mode) == 0o600


def test_options_reach_the_playbook(content: Path) -> None:
    play(
        content,
        "    - name: \"Say {{ word | default('nothing') }}\"\n      ansible.builtin.debug:\n        msg: hello\n",
    )
    (line,) = run_playbook("try", content / "try.log", ["--extra-vars", '{"word": "this"}'])
    assert line.name == "Say this"


def test_a_failed_playbook_names_task_reason_and_log(content: Path) -> None:
    play(
        content,
        "    - name: Be tolerated\n      ansible.builtin.command: sh -c 'exit 1'\n      failed_when: false\n"
        "    - name: Break\n      ansible.builtin.fail:\n        msg: |-\n          the disk is full\n"
        "          of sand\n",
    )
    with pytest.raises(CommandError) as raised:
        list(run_playbook("try", content / "try.log"))
    assert raised.value.message == (
        f"the playbook try failed at 'Break': the disk is full (log: {content / 'try.log'})"
    )
    assert raised.value.lines == ("of sand",)


def test_a_playbook_that_is_not_there_shows_ansibles_words(content: Path) -> None:
    with pytest.raises(CommandError) as raised:
        list(run_playbook("missing", content / "missing.log"))
    assert "the playbook missing could not run" in raised.value.message
    assert any("missing.yml" in line for line in raised.value.lines)


def test_without_a_checkout_the_sentence_says_so(content: Path) -> None:
    subprocess.run(["rm", "-r", str(content / "inventories")], check=True)
    with pytest.raises(CommandError, match="works in a checkout"):
        list(run_playbook("try", content / "try.log"))
