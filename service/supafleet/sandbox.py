"""Names of the sandbox flavour's images: a content digest in the tag says which stand-ins an image holds."""

from pathlib import Path

from supafleet.content import files_digest

_DIGESTED_FOLDERS = ("defaults", "files", "tasks", "templates")


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
    return files_digest(role, (path for path in role.rglob("*") if path.is_file() and _counts(path.relative_to(role))))


def _counts(path: Path) -> bool:
    return path.parts[0] in _DIGESTED_FOLDERS and "node_modules" not in path.parts


def image_reference(service: str, release: str, digest: str) -> str:
    """The local image that stands in for `service` in `release`."""
    return f"supafleet-sandbox/{service}:{release}-{digest}"
