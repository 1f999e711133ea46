"""The pages of documentation: the generated ones say what models and data say, the others keep what they promise."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from supafleet.docs.__main__ import main, reference_pages
from supafleet.docs.deviations_page import deviations_page
from supafleet.docs.inventory_pages import inventory_page, sizes_page
from supafleet.docs.model_table import undescribed
from supafleet.docs.settings_pages import project_settings_page, settings_page
from supafleet.inventory.entries import DockerHostEntry, FleetFile, ProjectEntry
from supafleet.settings import Settings
from supafleet.stack.release import load_sizes
from supafleet.stack.settings import SERVICES, ProjectSettings

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "roles" / "project_stack" / "releases" / "2026.09"


def rows_of(page: str) -> dict[str, list[str]]:
    """The rows of a page's tables by their first cell."""
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in rows}


@pytest.mark.parametrize("page", [page.name for page, _ in reference_pages(ROOT)])
def test_a_page_is_what_make_docs_writes(page: str) -> None:
    written = ROOT / "docs" / "reference" / page
    assert written.read_text() == dict(reference_pages(ROOT))[written], "run `make docs`"


@pytest.mark.parametrize("model", [Settings, ProjectSettings, FleetFile, DockerHostEntry, ProjectEntry])
def test_every_setting_is_described(model: type[BaseModel]) -> None:
    assert undescribed(model) == []


@pytest.mark.parametrize(
    ("model", "page", "shown"),
    [
        (Settings, settings_page, lambda name: f"SUPAFLEET_{name.upper()}"),
        (ProjectSettings, project_settings_page, str),
    ],
)
def test_every_setting_has_a_row(model: type[BaseModel], page: Callable[[], str], shown: Callable[[str], str]) -> None:
    rows = rows_of(page())
    assert {shown(name) for name in model.model_fields} <= rows.keys()
    assert [name for name, cells in rows.items() if "" in cells] == [], "no cell is empty"


def test_a_row_tells_type_limits_and_default() -> None:
    rows = rows_of(project_settings_page())
    assert rows["jwt_expiry"][:2] == ["whole number, 60 to 604800", "`3600`"]
    assert rows["mailer_autoconfirm"][:2] == ["true or false", "unset"]
    assert rows["mcp_allowed_addresses"][:2] == ["list of text", "`[]`"]
    assert rows_of(settings_page())["SUPAFLEET_LOG_FORMAT"][:2] == ["`json` or `console`", "`json`"]


def test_the_page_of_the_inventory_tells_every_key() -> None:
    rows = rows_of(inventory_page())
    for model in (FleetFile, DockerHostEntry, ProjectEntry):
        assert model.model_fields.keys() <= rows.keys()
    assert rows["plugin"][:2] == ["`supafleet`", "required"]
    assert rows["projects"][:2] == ["mapping of names to mapping", "`{}`"]
    assert rows["port_range"][:2] == ["list of 2: whole number, 1024 to 65535", "`[24321, 24820]`"]
    assert rows["gateway_port"][:2] == ["whole number, 1024 to 65535", "required"]
    assert rows["size"][:2] == ["`micro` or `small` or `medium` or `large`", "`small`"]


def test_the_page_of_the_sizes_tells_every_limit() -> None:
    page = sizes_page(ROOT)
    rows, sizes = rows_of(page), load_sizes(ROOT)
    assert set(SERVICES) <= rows.keys()
    assert rows["db"][0] == "1024 MiB, 2 CPUs, 512"
    assert rows["auth"][0] == "192 MiB, 1 CPU, 256"
    assert rows["work_mem"] == ["the image's own", "the image's own", "`8MB`", "`16MB`"]
    memory = [sum(int(one.memory.removesuffix("m")) for one in size.limits.values()) for size in sizes.values()]
    assert f"| memory of all | {' | '.join(f'{sum_} MiB' for sum_ in memory)} |" in page


def test_every_deviation_has_its_row_and_reason() -> None:
    page = deviations_page(ROOT)
    told = yaml.safe_load((RELEASE / "deviations.yml").read_text())
    assert sum(line.startswith("| `") for line in page.splitlines()) == len(told["deviations"])
    for row in told["deviations"]:
        assert f"| `{row['field']}` |" in page
        assert row["reason"] in page
    assert "### Every service but db\n" in page


def test_the_page_of_the_api_tells_what_is_there_and_what_is_not() -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text()
    assert "| `PATCH /v1/projects/{ref}/config/auth` | 200 | Change how Auth is set up;" in page
    assert "| `PATCH /v1/projects/{ref}/config/auth` | `v1-update-auth-service-config` | yes |" in page
    assert (
        "| `POST /v1/projects/{ref}/vanity-subdomain/activate` | `v1-activate-vanity-subdomain-config` | 501 |" in page
    )


def test_the_page_of_the_api_names_what_answers_without_a_token() -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text()
    told = re.findall(r"^- `(.*)`$", page, re.MULTILINE)
    assert {"/healthz", "/auth/token", "/platform/signup", "/docs", "/openapi.json"} <= set(told)
    assert not [path for path in told if path.startswith(("/v1", "/v2", "/fleet"))]


def test_a_command_to_be_typed_stands_only_where_a_test_types_it() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    typed = {str(page.relative_to(ROOT)) for page in pages if "```console" in page.read_text()}
    assert typed == {"README.md", "docs/tutorial.md", "docs/how-to/operate.md"}, "see tests/e2e/test_docs.py"


def linked(page: Path) -> Iterator[Path]:
    """What the links of a page lead to in this checkout."""
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        yield (page.parent / link).resolve()


def test_every_link_to_a_page_leads_to_one() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    assert [f"{page.name}: {target}" for page in pages for target in linked(page) if not target.exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, to_read = set[Path](), [ROOT / "README.md"]
    while to_read:
        page = to_read.pop()
        reached.add(page)
        to_read += {target for target in linked(page) if target.suffix == ".md" and target not in reached}
    pages = {ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")}
    assert sorted(pages - reached) == []


def test_the_readme_tells_the_memory_of_a_first_project() -> None:
    size = load_sizes(ROOT)[Settings.model_fields["default_size"].default]
    memory = sum(int(limit.memory.removesuffix("m")) for limit in size.limits.values())
    assert f"up to {memory} MiB of memory" in (ROOT / "README.md").read_text()


def test_the_list_of_decisions_is_complete() -> None:
    folder = ROOT / "docs" / "adr"
    wanted = [
        f"- [{page.read_text().partition(chr(10))[0].removeprefix('# ')}]({page.name})"
        for page in sorted(folder.glob("0*.md"))
    ]
    listed = [line for line in (folder / "README.md").read_text().splitlines() if line.startswith("- ")]
    assert listed == wanted


def test_a_page_that_is_out_of_date_is_named_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "roles" / "project_stack" / "releases" / "2026.09" / "deviations.yml"
    table.parent.mkdir(parents=True)
    table.write_text(yaml.safe_dump({"notes": ["Of note."], "deviations": []}))
    shutil.copy(ROOT / "roles" / "project_stack" / "sizes.yml", tmp_path / "roles" / "project_stack")
    words = ["reference", "--root", str(tmp_path)]
    assert main([*words, "--check"]) == 1
    assert "settings.md is out of date: run `make docs`" in capsys.readouterr().out
    assert main(words) == 0
    assert main([*words, "--check"]) == 0
    assert "- Of note.\n" in (tmp_path / "docs" / "reference" / "deviations.md").read_text()
