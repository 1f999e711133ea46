"""Encryption of secrets at rest with a master key that can be rotated."""

import os
import secrets
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from supafleet.errors import StartRefused
from supafleet.settings import Settings, is_placeholder

_OTHERS_MAY_READ = 0o077


class SecretCipher:
    """Encrypts with the newest master key, decrypts with any of them."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._newest = Fernet(keys[0])
        self._all = MultiFernet([Fernet(key) for key in keys])

    def encrypt(self, value: str) -> str:
        """The text to store."""
        return self._newest.encrypt(value.encode()).decode()

    def decrypt(self, stored: str) -> str:
        """The value.

        Raises:
            StartRefused: no master key opens it.
        """
        try:
            return self._all.decrypt(stored.encode()).decode()
        except InvalidToken as error:
            raise StartRefused(
                "master_key: does not open the stored secrets; give the key they were made with"
            ) from error

    def rotate(self, stored: str) -> str:
        """The same value, encrypted with the newest key."""
        return self._all.rotate(stored.encode()).decode()

    def is_newest(self, stored: str) -> bool:
        """Whether the newest key alone opens it."""
        try:
            self._newest.decrypt(stored.encode())
        except InvalidToken:
            return False
        return True


def load_cipher(settings: Settings) -> SecretCipher:
    """The cipher with the master keys of the environment or of the file.

    Raises:
        StartRefused: there is no key, the file can be read by others, or a key is a placeholder or malformed.
    """
    if settings.master_key is not None:
        return _cipher(settings.master_key.get_secret_value().split(","), "SUPAFLEET_MASTER_KEY")
    file = settings.master_key_file
    if not file.is_file():
        raise StartRefused(f"master_key: {file} is missing; put it back from the backup or set SUPAFLEET_MASTER_KEY")
    if file.stat().st_mode & _OTHERS_MAY_READ:
        raise StartRefused(f"master_key: {file} can be read by others; make its mode 0600")
    return _cipher(file.read_text().split(), str(file))


def create_master_key(settings: Settings) -> None:
    """Make the key file when no key is given; a file that exists is never touched."""
    if settings.master_key is not None or settings.master_key_file.exists():
        return
    write_private_file(settings, settings.master_key_file.name, Fernet.generate_key().decode() + "\n")


def write_private_file(settings: Settings, name: str, content: str) -> None:
    """A 0600 file in the data folder that appears whole or not at all and never replaces one that is there."""
    target = settings.data_dir / name
    scratch = settings.data_dir / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(scratch, target)
    except FileExistsError:
        return  # another process made it at the same moment; a hard link appears whole
    finally:
        scratch.unlink()


def _cipher(keys: Sequence[str], source: str) -> SecretCipher:
    cleaned = [key.strip() for key in keys if key.strip()]
    if not cleaned or any(is_placeholder(key) for key in cleaned):
        raise StartRefused(f"master_key: {source} holds a placeholder; have a key made by leaving it out")
    try:
        return SecretCipher(cleaned)
    except ValueError as error:
        raise StartRefused(f"master_key: {source} must hold 32 random bytes in URL-safe base64") from error
