"""A deployment as it was sent: checked files and what the metadata says of them."""

import json
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from supafleet.errors import AppError, InvalidField, describe_validation_errors, quote
from supafleet.functions.multipart import Part, boundary_of, parse

MOST_BYTES = 20 * 1024 * 1024
MOST_FILES = 1000
_LONGEST_PATH = 256
_MOST_PATTERNS = 100
#: What a file costs beside its content: its path, its row and that of the index.
_FILE_COST = 1024
SLUG = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
#: The main service of the functions has this name on the host.
_RESERVED = "main"


class TooLarge(AppError):  # noqa: N818 - a sentence about what happened reads better
    """More was sent than is taken."""

    status_code = 413
    code = "too_large"


def check_slug(value: str) -> str:
    """`value`, refused when it cannot name a function."""
    if not SLUG.fullmatch(value):
        raise ValueError("must be 1 to 64 letters, digits, hyphens and underscores, beginning with a letter")
    if value == _RESERVED:
        raise ValueError(f"may not be {_RESERVED}: the service that calls the functions has this name")
    return value


def check_name(value: str) -> str:
    """`value`, refused when it is not one line."""
    if not value.strip() or len(value) > 128 or not value.isprintable():
        raise ValueError("must be 1 to 128 printable characters on one line")
    return value


Slug = Annotated[str, AfterValidator(check_slug)]
FunctionName = Annotated[str, AfterValidator(check_name)]


class Metadata(BaseModel):
    """The part `metadata` of a deployment; what else a client writes into it is left alone."""

    entrypoint_path: str
    import_map_path: str | None = None
    static_patterns: list[str] = Field(default_factory=list, max_length=_MOST_PATTERNS)
    verify_jwt: bool | None = None
    name: FunctionName | None = None


@dataclass(frozen=True)
class Upload:
    """Code on its way in; all paths are relative and stay below their folder."""

    files: dict[str, bytes]
    entrypoint_path: str
    import_map_path: str | None
    static_patterns: list[str]
    verify_jwt: bool | None
    name: str | None

    @property
    def size_bytes(self) -> int:
        """What it takes to keep all files, empty ones too."""
        return sum(_FILE_COST + len(content) for content in self.files.values())

    @property
    def sha256(self) -> str:
        """Digest of the files and of what decides how they run."""
        digest = sha256()
        how = json.dumps([self.entrypoint_path, self.import_map_path, self.static_patterns]).encode()
        for part in (how, *(piece for path in sorted(self.files) for piece in (path.encode(), self.files[path]))):
            # The length in front keeps (a, bc) and (ab, c) apart.
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.hexdigest()


async def read_upload(request: Request) -> Upload:
    """The deployment in the body of a request.

    Raises:
        TooLarge: it has too many bytes; the rest of them is not read.
        InvalidField: it is not a form with files and metadata that fit together.
    """
    boundary = boundary_of(request.headers.get("content-type", ""))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLarge(f"file: a function may have at most {MOST_BYTES // 1024**2} MB of code.")
    return await run_in_threadpool(lambda: read_parts(parse(bytes(body), boundary)))


def read_parts(parts: Iterable[Part]) -> Upload:
    """The deployment that these parts are; the metadata may be a file or a plain field and stand anywhere.

    Raises:
        InvalidField: a part is missing, or they do not fit together.
    """
    files: dict[str, bytes] = {}
    metadata: Metadata | None = None
    for part in parts:
        if part.name == "metadata":
            metadata = _metadata(part.content)
        elif part.name == "file":
            if not part.filename:
                raise InvalidField("file", "must have a file name")
            path = check_path("file", part.filename)
            if path in files:
                raise InvalidField("file", f"{quote(path)} is there twice")
            files[path] = part.content
    if metadata is None:
        raise InvalidField("metadata", "is required: a JSON object with entrypoint_path")
    return _upload(files, metadata)


def check_path(field: str, value: str) -> str:
    """The path in one spelling, below its folder.

    Raises:
        InvalidField: it leads out of the folder, or a host could not have such a file.
    """
    path = posixpath.normpath(value.replace("\\", "/")) if value else ""
    is_inside = path not in ("", ".", "..") and not path.startswith(("/", "../"))
    if not is_inside or ".." in value.replace("\\", "/").split("/"):
        raise InvalidField(field, f"{quote(value)} must be a relative path without '..'")
    if len(path) > _LONGEST_PATH or not path.isprintable():
        raise InvalidField(field, f"{quote(value)} must have at most {_LONGEST_PATH} printable characters")
    if any(len(step.encode()) > 200 for step in path.split("/")):
        raise InvalidField(field, f"{quote(value)} has a name that is too long")
    return path


def _metadata(content: bytes) -> Metadata:
    try:
        return Metadata.model_validate_json(content)
    except ValidationError as error:
        raise InvalidField("metadata", describe_validation_errors(error.errors())) from None


def _upload(files: dict[str, bytes], metadata: Metadata) -> Upload:
    if not files:
        raise InvalidField("file", "is required: at least one file")
    if len(files) > MOST_FILES:
        raise InvalidField("file", f"may stand at most {MOST_FILES} times")
    for path in files:
        for parent in _parents(path):
            if parent in files:
                raise InvalidField("file", f"{quote(parent)} cannot be a file and a folder")
    entrypoint = check_path("metadata.entrypoint_path", metadata.entrypoint_path)
    import_map = check_path("metadata.import_map_path", metadata.import_map_path) if metadata.import_map_path else None
    for field, named in (("entrypoint_path", entrypoint), ("import_map_path", import_map)):
        if named is not None and named not in files:
            raise InvalidField(f"metadata.{field}", f"{quote(named)} must be one of the files")
    patterns = [check_path("metadata.static_patterns", pattern) for pattern in metadata.static_patterns]
    return Upload(files, entrypoint, import_map, patterns, metadata.verify_jwt, metadata.name)


def _parents(path: str) -> list[str]:
    steps = path.split("/")
    return ["/".join(steps[:count]) for count in range(1, len(steps))]
