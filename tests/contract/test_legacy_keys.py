"""The legacy keys are what the official `generate-keys.sh` makes."""

import base64
import json

import jwt
import pytest

from supafleet.keys import sign_api_key

SECRET = "0123456789012345678901234567890123456789"


def decoded(part: str) -> str:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()


@pytest.mark.parametrize("role", ["anon", "service_role"])
def test_a_key_has_the_official_claims_for_five_years(role: str) -> None:
    key = sign_api_key(role, SECRET, issued_at=1_790_000_000)
    head, payload, _ = key.split(".")
    assert json.loads(decoded(head)) == {"alg": "HS256", "typ": "JWT"}
    assert decoded(payload) == f'{{"role":"{role}","iss":"supabase","iat":1790000000,"exp":1947680000}}'
    assert jwt.decode(key, SECRET, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False})
