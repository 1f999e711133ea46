"""Forms of edge functions: reading, writing, and what of them is refused."""

import json
import secrets

import pytest

from supafleet.errors import InvalidField
from supafleet.functions.download import encode_body
from supafleet.functions.multipart import Part, boundary_of, encode, parse
from supafleet.functions.service import FunctionNotFound
from supafleet.functions.upload import check_path, read_parts


@pytest.mark.parametrize("name", ["index.ts", 'a "b".ts', "a\\b", "ü/é.ts", "a;b=c.ts", "a\nb"])
def test_what_is_written_is_read_back(name: str) -> None:
    contents = [b"", b"\r\n", b"--", b"\r\n--", b"\x00\xff" * 99, b"text\r\n\r\nwith an empty line\r\n"]
    boundary = secrets.token_hex(16)
    parts = [Part("file", content, name) for content in contents] + [Part("metadata", b"{}")]
    read = parse(encode(parts, boundary), boundary.encode())
    assert [(part.name, part.content) for part in read] == [(part.name, part.content) for part in parts]
    assert {part.filename for part in read} == {name, None}


@pytest.mark.parametrize(
    ("header", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data; charset=utf-8; Boundary="a b c"', b"a b c"),
        ("multipart/form-data;boundary=----WebKitFormBoundary7", b"----WebKitFormBoundary7"),
    ],
)
def test_a_boundary_is_found(header: str, boundary: bytes) -> None:
    assert boundary_of(header) == boundary


@pytest.mark.parametrize("header", ["", "text/plain; boundary=a", "multipart/form-data", "multipart/mixed; boundary=a"])
def test_another_content_type_is_refused(header: str) -> None:
    with pytest.raises(InvalidField, match="body: must be multipart/form-data with a boundary"):
        boundary_of(header)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nno end',
        b"--x\r\nno headers at all\r\n--x--",
        b"--x\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--x--",
        b'--x\r\nContent-Disposition: attachment; name="a"\r\n\r\n\r\n--x--',
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' * 2001 + b"\r\n--x--",
    ],
)
def test_a_broken_form_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidField, match="body"):
        parse(body, b"x")


def test_as_many_parts_as_are_allowed_are_read_and_no_more_are_looked_for() -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    assert len(parse(part * 2000 + b"--x--", b"x")) == 2000
    for body in (part * 2001 + b"--x--", b"\r\n--x" * 1_000_000):
        with pytest.raises(InvalidField, match="body: may have at most 2000 parts"):
            parse(body, b"x")


@pytest.mark.parametrize("word", [b";a", b';a="', b"\\", b"\r\nX: y"])
def test_the_headers_of_a_part_are_short(word: bytes) -> None:
    def form(size: int) -> bytes:
        disposition = b'Content-Disposition: form-data; name="a"; filename="b"'
        return b"--x\r\n" + disposition + word * (size // len(word)) + b"\r\n\r\ncode\r\n--x--"

    assert parse(form(8000), b"x")[0].content == b"code"
    with pytest.raises(InvalidField, match="no end of its headers in its first 8192 bytes"):
        parse(form(9000), b"x")


@pytest.mark.parametrize("path", ["a", "a/b.ts", "./a", "a//b", "a/./b", "..a/b", "a b/ü.ts"])
def test_a_path_below_its_folder_is_taken(path: str) -> None:
    assert not check_path("file", path).startswith((".", "/")) or path == "..a/b"


@pytest.mark.parametrize("path", ["", ".", "/", "/a", "..", "../a", "a/..", "a/../b", "..\\a", "a\nb", "a" * 257, "\0"])
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(InvalidField, match="file: "):
        check_path("file", path)


def test_the_digest_tells_code_and_how_it_runs_apart() -> None:
    def digest(entrypoint: str = "a.ts", **files: bytes) -> str:
        parts = [Part("file", content, f"{name}.ts") for name, content in files.items()]
        return read_parts([*parts, Part("metadata", json.dumps({"entrypoint_path": entrypoint}).encode())]).sha256

    assert digest(a=b"1", b=b"2") == digest(b=b"2", a=b"1")
    others = {digest(a=b"1", b=b"2"), digest(a=b"12", b=b""), digest(a=b"1"), digest("b.ts", a=b"1", b=b"2")}
    assert len(others) == 4


def test_a_download_says_where_its_entrypoint_is() -> None:
    body, content_type = encode_body("functions/a b/index.ts", {"functions/a b/index.ts": b"1", "functions/x.ts": b"2"})
    parts = parse(body, boundary_of(content_type))
    assert json.loads(parts[0].content) == {"deno2_entrypoint_path": "file:///source/functions/a%20b/index.ts"}
    assert [dict(part.headers)["supabase-path"] for part in parts[1:]] == [
        "/source/functions/a b/index.ts",
        "/source/functions/x.ts",
    ]


def test_a_slug_is_one_word_of_a_sentence() -> None:
    assert FunctionNotFound("a\nb").message == "Function 'a?b' does not exist."
