"""Known secrets are masked in whatever form they come."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supafleet.keys import generate_project_secrets
from supafleet.runner.redaction import MASK, Redactor, secret_values

SECRET = "p+ss/w0rd=with {{ odd }} signs"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        quote(base64.b64encode(SECRET.encode()).decode(), safe=""),
        f"postgres://user:{quote(SECRET, safe='')}@db/postgres",
    ],
)
def test_every_form_is_masked(form: str) -> None:
    masked = Redactor([SECRET]).text(f"before {form} after")

    assert form not in masked
    assert MASK in masked
    assert masked.startswith("before ")


@given(before=st.binary(max_size=9), secret=st.text("abcXYZ019", min_size=12, max_size=40), after=st.binary(max_size=9))
def test_a_secret_inside_a_longer_base64_text_is_masked(before: bytes, secret: str, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()

    masked = Redactor([secret]).text(encoded)

    assert MASK in masked
    assert len(masked.replace(MASK, "")) <= 4 * ((len(before) + len(after)) // 3 + 3)


def test_structures_are_masked_everywhere_keys_too() -> None:
    value = {"a": [SECRET, {"deep": f"x{SECRET}"}], SECRET: 1, "number": 5, "none": None, "yes": True}

    masked = Redactor([SECRET]).value(value)

    assert SECRET not in json.dumps(masked)
    assert (masked["number"], masked["none"], masked["yes"]) == (5, None, True)


def test_ordinary_words_stay() -> None:
    redactor = Redactor(secret_values({**generate_project_secrets(), "empty": "", "short": "abc"}))

    sentence = "supabase/postgres:17.4.1 of project abc is healthy"
    assert redactor.text(sentence) == sentence


def test_all_generated_secrets_but_the_user_name_are_masked() -> None:
    secrets = generate_project_secrets()
    redactor = Redactor(secret_values(secrets))

    for name, value in secrets.items():
        assert (value in redactor.text(f"{name}={value}")) == (name == "dashboard_username")
