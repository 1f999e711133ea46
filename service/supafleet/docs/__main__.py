"""`python -m supafleet.docs roles [--check] [--root FOLDER]`: write, or only compare, the generated reference pages."""

import argparse
import sys
from pathlib import Path

from supafleet.content import content_root
from supafleet.docs.role_readme import RoleReadmeError, render_role_readme


def main(arguments: list[str] | None = None) -> int:
    """Write the pages that differ; with `--check`, name them instead and return 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m supafleet.docs", description="Write the reference pages.")
    parser.add_argument("pages", choices=["roles"], help="which pages: the README of every role")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is out of date")
    parser.add_argument("--root", type=Path, default=None, help="folder that holds roles/ (default: this checkout)")
    chosen = parser.parse_args(arguments)

    stale = []
    for role in sorted(path for path in ((chosen.root or content_root()) / "roles").iterdir() if path.is_dir()):
        readme = role / "README.md"
        try:
            wanted = render_role_readme(role)
        except RoleReadmeError as error:
            print(error, file=sys.stderr)
            return 1
        if not readme.is_file() or readme.read_text() != wanted:
            stale.append(readme)
            if not chosen.check:
                readme.write_text(wanted)
    for readme in stale:
        print(f"{readme} {'is out of date: run `make docs`' if chosen.check else 'written'}")
    return 1 if stale and chosen.check else 0


if __name__ == "__main__":
    sys.exit(main())
