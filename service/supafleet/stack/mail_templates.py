"""Templates of Auth's mails: GoTrue takes each from a URL, so the project's gateway holds their text."""

import hashlib
from collections.abc import Mapping
from typing import Any

#: The mails of Auth that have a template, by their official names (auth/internal/conf, EmailContentConfiguration).
MAILS = (
    "invite",
    "confirmation",
    "recovery",
    "email_change",
    "magic_link",
    "reauthentication",
    "password_changed_notification",
    "email_changed_notification",
    "phone_changed_notification",
    "mfa_factor_enrolled_notification",
    "mfa_factor_unenrolled_notification",
    "identity_linked_notification",
    "identity_unlinked_notification",
)
#: Characters of one template. One request may hold several, but not all of them at their longest.
LONGEST_TEMPLATE = 65_536
_GATEWAY = "http://api-gw:8000"
_FOLDER = "/mail-templates"


def template_variable(mail: str) -> str:
    """Auth's variable that names the URL of a mail's template."""
    return f"GOTRUE_MAILER_TEMPLATES_{mail.upper()}"


def template_variables(templates: Mapping[str, str]) -> dict[str, str]:
    """Where Auth finds the templates of a project, by its variables.

    GoTrue keeps what it fetched: the digest makes another URL, and so another container, of another text.
    """
    return {
        template_variable(mail): f"{_GATEWAY}{_path(mail)}?{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        for mail, text in templates.items()
    }


def template_routes(templates: Mapping[str, str]) -> list[dict[str, Any]]:
    """The gateway's routes that answer with the templates. Every user gets them by mail: they are no secret."""
    return [
        {
            "name": f"mail-template-{mail.replace('_', '-')}",
            "strip_path": True,
            "paths": [_path(mail)],
            "plugins": [
                {
                    "name": "request-termination",
                    "config": {"status_code": 200, "content_type": "text/html; charset=utf-8", "body": text},
                }
            ],
        }
        for mail, text in sorted(templates.items())
    ]


def _path(mail: str) -> str:
    # With an end: one mail's name is the beginning of another's, and the gateway looks at beginnings.
    return f"{_FOLDER}/{mail}.html"
