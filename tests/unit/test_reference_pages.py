"""The generated pages under docs/reference say what the models and the table of deviations say."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from supafleet.docs.__main__ import main, reference_pages
from supafleet.docs.deviations_page import deviations_page
from supafleet.docs.settings_pages import project_settings_page, settings_page, undescribed
from supafleet.settings import Settings
from supafleet.stack.settings import ProjectSettings

ROOT = Path(__file__).resolve().parents[2]
RELEASE = ROOT / "roles" / "project_stack" / "releases" / "2026.09"


def rows_of(page: str) -> dict[str, list[str]]:
    """The rows of a page's tables by their first cell."""
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in rows}


@pytest.mark.parametrize("page", ["settings.md", "project-settings.md", "deviations.md", "api.md"])
def test_a_page_is_what_make_docs_writes(page: str) -> None:
    written = ROOT / "docs" / "reference" / page
    assert written.read_text() == dict(reference_pages(ROOT))[written], "run `make docs`"


@pytest.mark.parametrize("model", [Settings, ProjectSettings])
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


def test_a_page_that_is_out_of_date_is_named_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "roles" / "project_stack" / "releases" / "2026.09" / "deviations.yml"
    table.parent.mkdir(parents=True)
    table.write_text(yaml.safe_dump({"notes": ["Of note."], "deviations": []}))
    words = ["reference", "--root", str(tmp_path)]
    assert main([*words, "--check"]) == 1
    assert "settings.md is out of date: run `make docs`" in capsys.readouterr().out
    assert main(words) == 0
    assert main([*words, "--check"]) == 0
    assert "- Of note.\n" in (tmp_path / "docs" / "reference" / "deviations.md").read_text()
