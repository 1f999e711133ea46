"""The tag of the sandbox images follows the content of the role, and nothing else."""

import re
import shutil
from pathlib import Path

import pytest

from supafleet.content import content_root
from supafleet.sandbox import content_digest, image_reference


@pytest.fixture
def copied_root(tmp_path: Path) -> Path:
    """A content root that holds a small role sandbox_images of its own."""
    role = tmp_path / "roles" / "sandbox_images"
    for folder, name in [("files", "main.js"), ("tasks", "main.yml"), ("defaults", "main.yml"), ("meta", "main.yml")]:
        (role / folder).mkdir(parents=True)
        (role / folder / name).write_text(f"{folder}\n")
    return tmp_path


def role_file(root: Path, *parts: str) -> Path:
    return root.joinpath("roles", "sandbox_images", *parts)


def test_the_shipped_role_has_a_digest_of_twelve_hex_digits() -> None:
    assert re.fullmatch(r"[0-9a-f]{12}", content_digest(content_root()))


def test_a_copy_elsewhere_has_the_same_digest(copied_root: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    shutil.copytree(copied_root / "roles", other / "roles")
    assert content_digest(other) == content_digest(copied_root)


@pytest.mark.parametrize("folder", ["files", "tasks", "defaults"])
def test_each_folder_that_shapes_the_images_counts(copied_root: Path, folder: str) -> None:
    before = content_digest(copied_root)
    next(role_file(copied_root, folder).iterdir()).write_text("changed\n")
    assert content_digest(copied_root) != before


def test_a_renamed_file_counts(copied_root: Path) -> None:
    before = content_digest(copied_root)
    role_file(copied_root, "files", "main.js").rename(role_file(copied_root, "files", "other.js"))
    assert content_digest(copied_root) != before


def test_where_one_file_ends_and_the_next_begins_counts(copied_root: Path) -> None:
    first, second = role_file(copied_root, "files", "a.js"), role_file(copied_root, "files", "b.js")
    first.write_text("one two")
    second.write_text("")
    before = content_digest(copied_root)
    first.write_text("one ")
    second.write_text("two")
    assert content_digest(copied_root) != before


def test_the_role_s_description_does_not_count(copied_root: Path) -> None:
    before = content_digest(copied_root)
    role_file(copied_root, "meta", "main.yml").write_text("changed\n")
    assert content_digest(copied_root) == before


def test_packages_installed_for_development_do_not_count(copied_root: Path) -> None:
    before = content_digest(copied_root)
    package = role_file(copied_root, "files", "node_modules", "pg", "index.js")
    package.parent.mkdir(parents=True)
    package.write_text("")
    assert content_digest(copied_root) == before


def test_a_missing_role_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no role sandbox_images"):
        content_digest(tmp_path)


def test_a_reference_names_service_release_and_digest() -> None:
    assert image_reference("db", "2026.09", "0123456789ab") == "supafleet-sandbox/db:2026.09-0123456789ab"
