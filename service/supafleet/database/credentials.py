"""How a role of a project's database is named to postgres-meta, and how its password is set without being said."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from urllib.parse import quote

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

_ADDRESS = "db:5432"  # as the project's own services see it
_SALT_BYTES = 8
_KEY_BYTES = 32
_BLOCK_BYTES = 16
_SCRAM_ITERATIONS = 4096
_SCRAM_SALT_BYTES = 16


def connection_string(user: str, password: str, database: str, options: Sequence[str] = ()) -> str:
    """Where postgres-meta shall connect to.

    Args:
        options: settings of the session, `name=value`; they win over those of the role and of the database.
    """
    given = quote(" ".join(f"-c {option}" for option in options), safe="")
    return f"postgresql://{user}:{quote(password, safe='')}@{_ADDRESS}/{database}" + (given and f"?options={given}")


def encrypt_connection(connection: str, crypto_key: str) -> str:
    """The header `x-connection-encrypted`: AES in the passphrase format of OpenSSL and CryptoJS."""
    salt = secrets.token_bytes(_SALT_BYTES)
    derived = b""
    block = b""
    while len(derived) < _KEY_BYTES + _BLOCK_BYTES:
        # The format's own derivation; the passphrase is random, so that MD5 is fast does no harm.
        block = hashlib.md5(block + crypto_key.encode() + salt, usedforsecurity=False).digest()
        derived += block
    key, vector = derived[:_KEY_BYTES], derived[_KEY_BYTES : _KEY_BYTES + _BLOCK_BYTES]
    padder = PKCS7(_BLOCK_BYTES * 8).padder()
    padded = padder.update(connection.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    return base64.b64encode(b"Salted__" + salt + encryptor.update(padded) + encryptor.finalize()).decode()


def scram_verifier(password: str) -> str:
    """What Postgres stores for a password: given in its place, the password itself never stands in a statement.

    It holds only letters, digits and `+/=$:-`, so it is safe between single quotes.
    """
    salt = secrets.token_bytes(_SCRAM_SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _SCRAM_ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${_SCRAM_ITERATIONS}:{salt_text}${stored_text}:{server_text}"


def literal(value: str) -> str:
    """A text inside a statement that cannot take parameters, whatever is in it."""
    return f"convert_from(decode('{value.encode().hex()}', 'hex'), 'UTF8')"
