"""Every role describes itself: arguments equal to its defaults, a README that is up to date, and its metadata."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from supafleet.docs.role_readme import BEGIN, END, RoleReadmeError, render_role_readme

ROLES = Path(__file__).resolve().parents[2] / "roles"
EVERY_ROLE = sorted(path for path in ROLES.iterdir() if path.is_dir())
of_every_role = pytest.mark.parametrize("role", EVERY_ROLE, ids=lambda role: role.name)


def default_files(role: Path) -> list[Path]:
    return sorted((role / "defaults").rglob("*.yml"))


def defaults_of(role: Path) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for path in default_files(role):
        content = yaml.safe_load(path.read_text()) or {}
        assert not merged.keys() & content.keys(), f"{path} repeats a default of another file"
        merged |= content
    return merged


def options_of(role: Path) -> dict[str, Mapping[str, Any]]:
    entry_points = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    return {name: option for entry in entry_points.values() for name, option in (entry.get("options") or {}).items()}


def has_template(value: Any) -> bool:
    return "{{" in yaml.safe_dump(value)


@of_every_role
def test_every_argument_carries_the_name_of_its_role(role: Path) -> None:
    astray = [name for name in options_of(role) if not name.startswith(f"{role.name}_")]
    assert astray == []


@of_every_role
def test_every_default_is_a_described_argument(role: Path) -> None:
    options = options_of(role)
    assert sorted(defaults_of(role).keys() - options.keys()) == []
    undescribed = [name for name, option in options.items() if not option.get("description") or "type" not in option]
    assert undescribed == []


@of_every_role
def test_the_default_of_the_specification_is_the_default_of_the_role(role: Path) -> None:
    defaults = defaults_of(role)
    for name, option in options_of(role).items():
        if option.get("required"):
            assert name not in defaults, f"{name} is required and still has a default"
        elif name in defaults and has_template(defaults[name]):
            assert "default" not in option, f"{name} has a computed default, which a specification cannot state"
        else:
            assert defaults.get(name) == option.get("default"), f"{name} differs between defaults and specification"


@of_every_role
def test_every_default_has_a_comment_that_explains_it(role: Path) -> None:
    bare = []
    for path in default_files(role):
        before = ""
        for line in path.read_text().splitlines():
            if re.match(r"[a-z]", line) and not before.startswith("#"):
                bare.append(f"{path.name}: {line}")
            before = line
    assert bare == []


@of_every_role
def test_the_metadata_names_purpose_licence_and_platforms(role: Path) -> None:
    metadata = yaml.safe_load((role / "meta" / "main.yml").read_text())
    about = metadata["galaxy_info"]
    assert about["license"] == "Apache-2.0"
    specification = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    assert about["description"] == specification["main"]["short_description"]
    assert about["min_ansible_version"]
    assert about["platforms"]
    # Roles are composed by playbooks, where a reader sees the order.
    assert metadata.get("dependencies", []) == []


@of_every_role
def test_the_readme_is_what_the_generator_writes(role: Path) -> None:
    readme = role / "README.md"
    assert readme.is_file(), f"{role.name} has no README: run `make docs`"
    assert readme.read_text() == render_role_readme(role), f"{readme} is out of date: run `make docs`"
    head = readme.read_text().partition(BEGIN)[0]
    assert head.startswith(f"# {role.name}\n")


class TestRenderRoleReadme:
    """The generator itself, on roles made for it."""

    @staticmethod
    def role(folder: Path, options: Mapping[str, Any]) -> Path:
        role = folder / "lamp"
        (role / "meta").mkdir(parents=True)
        entry = {"short_description": "Light a lamp", "options": dict(options)}
        (role / "meta" / "argument_specs.yml").write_text(yaml.safe_dump({"argument_specs": {"main": entry}}))
        return role

    def test_prose_around_the_markers_is_kept(self, tmp_path: Path) -> None:
        role = self.role(tmp_path, {"lamp_colour": {"type": "str", "default": "red", "description": "Its colour."}})
        (role / "README.md").write_text(f"# lamp\n\nBy hand.\n\n{BEGIN}\nold\n{END}\n\nAfterword.\n")
        text = render_role_readme(role)
        assert text.startswith("# lamp\n\nBy hand.\n\n")
        assert text.endswith("\n\nAfterword.\n")
        assert "| `lamp_colour` | str | `red` | Its colour. |" in text
        assert "old" not in text

    def test_writing_it_twice_changes_nothing(self, tmp_path: Path) -> None:
        role = self.role(tmp_path, {"lamp_size": {"type": "int", "default": 3, "description": "Its size."}})
        (role / "README.md").write_text(render_role_readme(role))
        assert (role / "README.md").read_text() == render_role_readme(role)

    def test_nested_and_required_arguments_have_rows(self, tmp_path: Path) -> None:
        nested = {"base": {"type": "str", "required": True, "description": "A C(net) or I(none)."}}
        option = {"type": "list", "elements": "dict", "description": "Pools.", "options": nested}
        text = render_role_readme(self.role(tmp_path, {"lamp_pools": option}))
        assert "| `lamp_pools` | list of dict |  | Pools. |" in text
        assert "| `lamp_pools[].base` | str | required | A `net` or *none*. |" in text

    def test_a_readme_without_markers_is_refused(self, tmp_path: Path) -> None:
        role = self.role(tmp_path, {})
        (role / "README.md").write_text("# lamp\n")
        with pytest.raises(RoleReadmeError, match="lacks a marker"):
            render_role_readme(role)

    def test_a_role_without_a_specification_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(RoleReadmeError, match=r"argument_specs\.yml is missing"):
            render_role_readme(tmp_path)
