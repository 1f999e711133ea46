"""The code of a function as official clients take it."""

import json
import secrets
from collections.abc import Mapping
from urllib.parse import quote

from supafleet.functions.multipart import Part, encode

_FOLDER = "source"


def unpacked_at(deployment: str, path: str) -> str:
    """The URL by which clients know a file of a deployment (ref, id and version of the function)."""
    return f"file:///tmp/user_fn_{deployment}/{_FOLDER}/{quote(path)}"


def encode_body(entrypoint_path: str, files: Mapping[str, bytes]) -> tuple[bytes, str]:
    """A multipart body and its content type; the client puts each file where it is in relation to the entrypoint."""
    entrypoint = f"file:///{_FOLDER}/{quote(entrypoint_path)}"
    metadata = json.dumps({"deno2_entrypoint_path": entrypoint}).encode()
    parts = [Part("metadata", metadata)]
    for path, content in files.items():
        headers = (("Content-Type", "text/plain"), ("Supabase-Path", f"/{_FOLDER}/{path}"))
        parts.append(Part("file", content, f"{_FOLDER}/{path}", headers))
    boundary = secrets.token_hex(16)
    return encode(parts, boundary), f"multipart/form-data; boundary={boundary}"
