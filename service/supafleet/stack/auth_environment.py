"""What Auth needs beside the variables that an owner chose: what follows from them."""

import re
from collections.abc import Mapping

from supafleet.stack.mail_templates import template_variables

_CLIENT = re.compile(r"GOTRUE_EXTERNAL_([A-Z0-9_]+)_CLIENT_ID")
# Counted per address, and only when Auth knows the header that carries it. The gateway sets this one itself.
_PER_ADDRESS = frozenset(
    {
        "GOTRUE_RATE_LIMIT_ANONYMOUS_USERS",
        "GOTRUE_RATE_LIMIT_OTP",
        "GOTRUE_RATE_LIMIT_TOKEN_REFRESH",
        "GOTRUE_RATE_LIMIT_VERIFY",
        "GOTRUE_RATE_LIMIT_WEB3",
    }
)
# The release names a mail server that is not there; with a real one its other placeholders must not stay.
_MAIL_DEFAULTS = {
    "GOTRUE_SMTP_PORT": "587",
    "GOTRUE_SMTP_USER": "",
    "GOTRUE_SMTP_PASS": "",
    "GOTRUE_SMTP_SENDER_NAME": "",
}


def complete_auth_environment(
    chosen: Mapping[str, str], issuer: str, mail_templates: Mapping[str, str]
) -> dict[str, str]:
    """The owner's variables and those that follow from them; what the owner chose always stays.

    Args:
        issuer: public address of Auth.
        mail_templates: the owner's texts of mails by name.
    """
    following = template_variables(mail_templates)
    for name in chosen:
        if found := _CLIENT.fullmatch(name):
            following[f"GOTRUE_EXTERNAL_{found[1]}_REDIRECT_URI"] = f"{issuer}/callback"
    if not _PER_ADDRESS.isdisjoint(chosen):
        following["GOTRUE_RATE_LIMIT_HEADER"] = "X-Real-IP"
    if chosen.get("GOTRUE_SMTP_HOST"):
        following |= _MAIL_DEFAULTS
    return {**following, **chosen}
