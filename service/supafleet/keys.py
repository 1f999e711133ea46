"""The secrets of one project: generated, never derived, never shared.

Those that the official files for self-hosting know have the form that their `docker/utils/generate-keys.sh` gives them.
"""

import base64
import hashlib
import secrets
import string
import time

import jwt

_SAFE_ALPHABET = string.ascii_letters + string.digits
_KEY_LIFETIME_SECONDS = 5 * 365 * 24 * 3600
DATABASE_PASSWORD_LENGTHS = (12, 72)


def check_database_password(value: str) -> str | None:
    """Why `value` cannot be a database password, or None.

    The image puts the password into SQL literals and into six URLs, so only letters and digits are safe.
    """
    shortest, longest = DATABASE_PASSWORD_LENGTHS
    if not shortest <= len(value) <= longest:
        return f"must have {shortest} to {longest} characters"
    if any(character not in _SAFE_ALPHABET for character in value):
        return "may hold only the letters A to Z, a to z and the digits 0 to 9"
    return None


def generate_password() -> str:
    """A random password of the alphabet that every place takes."""
    return secrets.token_hex(16)


def _base64(size_bytes: int) -> str:
    return base64.b64encode(secrets.token_bytes(size_bytes)).decode()


def sign_api_key(role: str, jwt_secret: str, issued_at: int | None = None) -> str:
    """A legacy API key: an HS256 JWT whose key is the secret's text itself."""
    issued = int(time.time()) if issued_at is None else issued_at
    claims = {"role": role, "iss": "supabase", "iat": issued, "exp": issued + _KEY_LIFETIME_SECONDS}
    return jwt.encode(claims, jwt_secret, algorithm="HS256")


def generate_opaque_key(kind: str) -> str:
    """A key of the newer kind, `publishable` or `secret`: 22 random characters and eight of a checksum."""
    body = f"sb_{kind}_" + base64.urlsafe_b64encode(secrets.token_bytes(17)).decode()[:22]
    checksum = base64.urlsafe_b64encode(hashlib.sha256(f"supabase-self-hosted|{body}".encode()).digest()).decode()[:8]
    return f"{body}_{checksum}"


def generate_project_secrets(postgres_password: str | None = None) -> dict[str, str]:
    """All secrets of a new project by name.

    Args:
        postgres_password: the client's choice; generated when None. Must have passed `check_database_password`.
    """
    jwt_secret = _base64(30)
    return {
        "postgres_password": postgres_password or generate_password(),
        "authenticator_password": generate_password(),
        "auth_admin_password": generate_password(),
        "storage_admin_password": generate_password(),
        "functions_admin_password": generate_password(),
        "pgbouncer_password": generate_password(),
        "jwt_secret": jwt_secret,
        "anon_key": sign_api_key("anon", jwt_secret),
        "service_role_key": sign_api_key("service_role", jwt_secret),
        "gateway_publishable_key": generate_opaque_key("publishable"),
        "gateway_secret_key": generate_opaque_key("secret"),
        "dashboard_username": "supabase",
        "dashboard_password": generate_password(),
        "secret_key_base": _base64(48),
        "realtime_db_enc_key": secrets.token_hex(8),
        "pg_meta_crypto_key": _base64(24),
        "logflare_public_access_token": _base64(24),
        "logflare_private_access_token": _base64(24),
        "logflare_db_encryption_key": _base64(32),
        "phx_secret_key_base": _base64(48),
        "phx_live_view_signing_salt": _base64(24),
        "s3_protocol_access_key_id": secrets.token_hex(16),
        "s3_protocol_access_key_secret": secrets.token_hex(32),
        "pgsodium_root_key": secrets.token_hex(32),
        "files_digest_key": secrets.token_hex(32),
    }
