"""A project's gateway on loopback: it plays Kong and what stands behind it, and remembers what it was asked."""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7


@dataclass
class Asked:
    """One request, with the connection that its header asks for."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    params: dict[str, list[str]]
    user: str = ""
    password: str = ""
    database: str = ""
    options: str = ""


@dataclass
class Reply:
    """What the gateway answers."""

    status: int = 200
    body: Any = field(default_factory=list)
    media_type: str = "application/json; charset=utf-8"
    seconds: float = 0


def sql_error(code: str, words: str, **members: Any) -> Reply:
    """An error of Postgres as postgres-meta tells it."""
    formatted = f"ERROR:  {code}: {words}\n"
    severity = {"severity": "ERROR", "code": code, "message": words}
    return Reply(400, {"error": formatted, "formattedError": formatted, **severity, **members})


def parsed(query: str) -> list[dict[str, Any]]:
    """What the grammar makes of a query, as far as the tests need it."""
    kinds = {"select": "SelectStmt", "commit": "TransactionStmt", "begin": "TransactionStmt", "do": "DoStmt"}
    words = [part.split()[0].lower() for part in query.split(";") if part.strip()]
    return [{"stmt": {kinds.get(word, "InsertStmt"): {}}} for word in words]


class FakeGateway:
    """Runs while it is used as a context; `answer` decides what is answered."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.crypto_key = ""
        self.answer: Callable[[Asked], Reply] = lambda _: Reply()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                size = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(size)) if size else {}
                url = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, url.path, headers, body, parse_qs(url.query))
                reply = fake.take(asked)
                time.sleep(reply.seconds)
                content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                try:
                    self.send_response(reply.status)
                    self.send_header("Content-Type", reply.media_type)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    pass  # who asked is gone

            do_GET = do_POST = _serve  # noqa: N815 - http.server's names

            def log_message(self, *_: Any) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FakeGateway":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, asked: Asked) -> Reply:
        """Remember a request and answer it; queries to be parsed are always answered."""
        if "x-connection-encrypted" in asked.headers:
            connection = connection_of(asked.headers["x-connection-encrypted"], self.crypto_key)
            asked.user, asked.password = connection.username or "", unquote(connection.password or "")
            asked.database = connection.path.removeprefix("/")
            asked.options = parse_qs(connection.query).get("options", [""])[0]
        self.asked.append(asked)
        if asked.path == "/pg/query/parse":
            return Reply(body={"version": 170004, "stmts": parsed(asked.body["query"])})
        return self.answer(asked)

    @property
    def queries(self) -> list[Asked]:
        """The requests that run something."""
        return [asked for asked in self.asked if asked.path == "/pg/query"]


def connection_of(header: str, crypto_key: str) -> SplitResult:
    """The connection that the header `x-connection-encrypted` asks for."""
    raw = base64.b64decode(header)
    assert raw[:8] == b"Salted__"
    derived, block = b"", b""
    while len(derived) < 48:
        block = hashlib.md5(block + crypto_key.encode() + raw[8:16], usedforsecurity=False).digest()
        derived += block
    decryptor = Cipher(algorithms.AES(derived[:32]), modes.CBC(derived[32:48])).decryptor()
    unpadder = PKCS7(128).unpadder()
    padded = decryptor.update(raw[16:]) + decryptor.finalize()
    return urlsplit((unpadder.update(padded) + unpadder.finalize()).decode())


def literals(statement: str) -> list[str]:
    """The texts inside a statement that carries them as literals."""
    return [bytes.fromhex(found).decode() for found in re.findall(r"decode\('([0-9a-f]*)', 'hex'\)", statement)]
