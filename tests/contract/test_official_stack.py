"""The rendered stack of flavour `supabase` is the official one of release 2026.09, except for the deviations table.

The official side is typed in `official/` from the published files and never read from our own templates.
"""

from functools import cache

import pytest
from deviations import differences, judge, read_rows, row_context, stale_rows
from official_stack import official_fields
from rendered_stack import StackData, rendered_fields, stack_of
from stack_cases import ALL_SETTINGS, CASES, SERVICES, Case, official_table

from supafleet.content import content_root
from supafleet.stack.render import render_project
from supafleet.stack.settings import ProjectSettings

DEVIATIONS = content_root() / "roles/project_stack/releases/2026.09/deviations.yml"


@cache
def _stack(name: str) -> StackData:
    return stack_of(next(case for case in CASES if case.name == name))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_difference_from_the_official_stack_is_a_row(case):
    stack = _stack(case.name)
    found = differences(official_fields(case), rendered_fields(stack))
    judgement = judge(found, read_rows(DEVIATIONS), row_context(case, stack.compose), case.name)
    assert not judgement.problems, "\n".join(judgement.problems)


def test_no_row_is_stale():
    rows, used = read_rows(DEVIATIONS), set()
    for case in CASES:
        stack = _stack(case.name)
        found = differences(official_fields(case), rendered_fields(stack))
        used |= judge(found, rows, row_context(case, stack.compose), case.name).used
    assert not stale_rows(rows, used), "\n".join(stale_rows(rows, used))


def test_every_setting_has_a_value_of_its_own_in_a_case():
    plain = ProjectSettings()
    own = ProjectSettings.model_validate(ALL_SETTINGS)
    same = {name for name in ProjectSettings.model_fields if getattr(own, name) == getattr(plain, name)}
    assert same == {"legacy_api_keys", "mail_templates"}
    assert own.confirms_automatically != plain.confirms_automatically


def test_the_twelve_services_and_no_other():
    stack = _stack(CASES[0].name)
    assert sorted(stack.compose["services"]) == sorted(SERVICES)


def test_container_names_carry_the_ref():
    case = CASES[0]
    services = _stack(case.name).compose["services"]
    names = {service: definition["container_name"] for service, definition in services.items()}
    assert names == {service: f"{case.project['ref']}-{service}" for service in SERVICES}


def test_labels_name_the_owner_of_every_container():
    case = CASES[0]
    for service, definition in _stack(case.name).compose["services"].items():
        labels = definition["labels"]
        assert labels["supafleet.installation"] == case.project["installation"], service
        assert labels["supafleet.project"] == case.project["ref"], service
        assert labels["supafleet.service"] == service
        assert labels["supafleet.release"] == "2026.09", service


def test_the_registry_prefix_stands_before_every_image():
    case = Case("mirror", "26.1.5", registry_prefix="mirror.example.com/")
    services = stack_of(case).compose["services"]
    for service in SERVICES:
        official = official_table(f"services/{service}.yml")["image"]
        assert services[service]["image"] == f"mirror.example.com/{official}"


@pytest.mark.parametrize("own_settings", [{}, ALL_SETTINGS], ids=["default settings", "all settings"])
def test_the_sandbox_flavour_differs_in_its_images_only(own_settings):
    official = rendered_fields(stack_of(Case("official", "26.1.5", own_settings)))
    sandbox = rendered_fields(stack_of(Case("sandbox", "26.1.5", own_settings, flavour="sandbox")))
    differing = {field for _, field in official.keys() | sandbox.keys() if _differs(official, sandbox, field)}
    assert differing == {"image", "pull_policy"}


def _differs(official, sandbox, field):
    return any(official.get((service, field)) != sandbox.get((service, field)) for service in SERVICES)


def test_secrets_stand_in_no_other_file_than_they_must():
    case = CASES[0]
    rendered = render_project(case.project, case.secrets, case.engine, content_root())
    in_the_open = {
        path: [name for name, value in case.secrets.items() if len(value) > 8 and value in file.content]
        for path, file in rendered.files.items()
        if not file.secret
    }
    assert {path: names for path, names in in_the_open.items() if names} == {}
