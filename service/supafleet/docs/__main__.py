"""`python -m supafleet.docs roles|reference [--check] [--root FOLDER]`: write, or only compare, the generated pages."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from supafleet.app import create_app
from supafleet.content import content_root
from supafleet.docs.api_page import api_page
from supafleet.docs.deviations_page import deviations_page
from supafleet.docs.inventory_pages import inventory_page, sizes_page
from supafleet.docs.role_readme import RoleReadmeError, render_role_readme
from supafleet.docs.settings_pages import project_settings_page, settings_page
from supafleet.settings import Settings


def main(arguments: list[str] | None = None) -> int:
    """Write the pages that differ; with `--check`, name them instead and return 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m supafleet.docs", description="Write the reference pages.")
    parser.add_argument("pages", choices=["roles", "reference"], help="the README of every role, or docs/reference")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is out of date")
    parser.add_argument("--root", type=Path, default=None, help="folder that holds roles/ (default: this checkout)")
    chosen = parser.parse_args(arguments)
    root = chosen.root or content_root()
    try:
        wanted = dict(role_pages(root) if chosen.pages == "roles" else reference_pages(root))
    except RoleReadmeError as error:
        print(error, file=sys.stderr)
        return 1
    stale = [page for page, text in wanted.items() if not page.is_file() or page.read_text(encoding="utf-8") != text]
    for page in stale:
        if not chosen.check:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(wanted[page], encoding="utf-8")
        print(f"{page} {'is out of date: run `make docs`' if chosen.check else 'written'}")
    return 1 if stale and chosen.check else 0


def role_pages(root: Path) -> Iterator[tuple[Path, str]]:
    """Path and text of every role's README."""
    for role in sorted(path for path in (root / "roles").iterdir() if path.is_dir()):
        yield role / "README.md", render_role_readme(role)


def reference_pages(root: Path) -> Iterator[tuple[Path, str]]:
    """Path and text of every page under docs/reference that is made here; `supafleet.cli.reference` makes cli.md."""
    folder = root / "docs" / "reference"
    yield folder / "settings.md", settings_page()
    yield folder / "project-settings.md", project_settings_page()
    yield folder / "inventory.md", inventory_page()
    yield folder / "sizes.md", sizes_page(root)
    yield folder / "deviations.md", deviations_page(root)
    yield folder / "api.md", api_page(create_app(Settings()))


if __name__ == "__main__":
    sys.exit(main())
