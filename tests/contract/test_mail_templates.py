"""Mail templates: the gateway answers with them where Auth looks for them, and without any nothing is different."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from rendered_stack import stack_of
from stack_cases import CASES

TEMPLATES = {
    "email_change": "<p>\u00fcber {{ .NewEmail }}</p>\n",
    "email_changed_notification": "{{ if eq .Email \"a\" }}'{% raw %}'{{ end }}",
}


def rendered(**settings: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The gateway's services by name, and the environment of Auth."""
    stack = stack_of(replace(CASES[0], own_settings=settings))
    return {one["name"]: one for one in stack.kong["services"]}, stack.environments["auth"]


def test_the_gateway_answers_with_each_template_where_auth_looks_for_it() -> None:
    services, environment = rendered(mail_templates=TEMPLATES)
    answers = {}
    for route in services["mail-templates"]["routes"]:
        (path,), (plugin,) = route["paths"], route["plugins"]
        assert plugin["name"] == "request-termination"
        assert plugin["config"]["status_code"] == 200
        answers[path] = plugin["config"]["body"]
    for mail, text in TEMPLATES.items():
        url = urlsplit(environment[f"GOTRUE_MAILER_TEMPLATES_{mail.upper()}"])
        assert (url.scheme, url.netloc) == ("http", "api-gw:8000")
        assert answers.pop(url.path) == text
    assert answers == {}


def test_no_path_is_the_beginning_of_another() -> None:
    services, _ = rendered(mail_templates=TEMPLATES)
    first, second = (route["paths"][0] for route in services["mail-templates"]["routes"])
    assert not first.startswith(second)
    assert not second.startswith(first)


def test_without_templates_there_is_no_route_and_no_variable() -> None:
    with_none, environment = rendered()
    assert "mail-templates" not in with_none
    assert not [name for name in environment if name.startswith("GOTRUE_MAILER_TEMPLATES")]
    with_some, _ = rendered(mail_templates=TEMPLATES)
    assert {name: one for name, one in with_some.items() if name != "mail-templates"} == with_none
