"""Names of the sandbox flavour's images: a content digest in the tag says which stand-ins an image holds."""

import hashlib
from pathlib import Path

_DIGESTED_FOLDERS = ("defaults", "files", "tasks", "templates")
_DIGEST_LENGTH = 12


def content_digest(content_root: Path) -> str:
    """Twelve hex digits over everything that decides what the sandbox images hold.

    Args:
        content_root: the folder that holds `roles/`.

    Raises:
        FileNotFoundError: the role `sandbox_images` is not there.
    """
    role = content_root / "roles" / "sandbox_images"
    if not role.is_dir():
        raise FileNotFoundError(f"no role sandbox_images in {content_root / 'roles'}")
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(role).as_posix(), path) for path in role.rglob("*") if path.is_file()):
        if name.split("/", 1)[0] not in _DIGESTED_FOLDERS or "node_modules" in name.split("/"):
            continue
        content = path.read_bytes()
        # the lengths keep "ab" + "c" and "a" + "bc" apart
        digest.update(f"{len(name)}:{name}:{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()[:_DIGEST_LENGTH]


def image_reference(service: str, release: str, digest: str) -> str:
    """The local image that stands in for `service` in `release`."""
    return f"supafleet-sandbox/{service}:{release}-{digest}"
