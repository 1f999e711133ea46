"""Texts inside statements, and passwords that are never said."""

import base64
import hashlib
import hmac
import re

from hypothesis import given
from hypothesis import strategies as st

from supafleet.database.credentials import connection_string, literal, scram_verifier
from supafleet.database.postgres import fill


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_literal_holds_only_what_cannot_end_it(text: str) -> None:
    found = re.fullmatch(r"convert_from\(decode\('([0-9a-f]*)', 'hex'\), 'UTF8'\)", literal(text))
    assert found is not None
    assert bytes.fromhex(found[1]).decode() == text


def test_a_verifier_is_what_postgres_makes_of_the_password() -> None:
    found = re.fullmatch(r"SCRAM-SHA-256\$4096:([\w+/=]+)\$([\w+/=]+):([\w+/=]+)", scram_verifier("pass word'1"))
    assert found is not None
    salted = hashlib.pbkdf2_hmac("sha256", b"pass word'1", base64.b64decode(found[1]), 4096)
    assert base64.b64decode(found[2]) == hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    assert base64.b64decode(found[3]) == hmac.digest(salted, b"Server Key", "sha256")
    assert scram_verifier("x") != scram_verifier("x")


def test_placeholders_are_filled_and_null_is_null() -> None:
    assert fill("select :'a', :'b'::text, '{1}'::int[]", a="x", b=None) == (
        "select convert_from(decode('78', 'hex'), 'UTF8'), null::text, '{1}'::int[]"
    )


def test_a_connection_is_a_url_whatever_the_password() -> None:
    text = connection_string("postgres", "a@b:c/d?", "postgres", ["search_path=pg_catalog", "statement_timeout=5s"])
    assert text == (
        "postgresql://postgres:a%40b%3Ac%2Fd%3F@db:5432/postgres"
        "?options=-c%20search_path%3Dpg_catalog%20-c%20statement_timeout%3D5s"
    )
