"""Health checks that are programs, run against a server that answers well and badly."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from rendered_stack import stack_of
from stack_cases import CASES

CASE = CASES[0]


class _Answers(BaseHTTPRequestHandler):
    """Answers every request with the server's `status`, or 403 to one that is not `wanted`."""

    def answer(self) -> None:
        asked = (self.command, self.path, self.headers["Authorization"])
        self.server.asked.append(asked)
        self.send_response(self.server.status if self.server.wanted in (None, asked) else 403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = answer  # noqa: N815 - the names that the base class looks for

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


class _Server(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.status = 200
        self.wanted: tuple[str, str, str | None] | None = None
        self.asked: list[tuple[str, str, str | None]] = []


@contextmanager
def _serving() -> Iterator[_Server]:
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def server() -> Iterator[_Server]:
    with _serving() as server:
        yield server


@cache
def _stack():
    return stack_of(CASE)


def _shell_text(service: str) -> str:
    """The check as the container's shell gets it, when Compose has read the file."""
    kind, text = _stack().compose["services"][service]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    return text.replace("$$", "$")


def _exit_code(text: str, address: str, server: _Server, **variables: str) -> int:
    assert address in text
    here = text.replace(address, f"127.0.0.1:{server.server_port}")
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(["sh", "-c", here], env=environment, capture_output=True, timeout=30, check=False).returncode


def test_realtime_is_asked_for_its_tenant_with_the_anon_key(server: _Server) -> None:
    key = CASE.secrets["anon_key"]
    server.wanted = ("HEAD", "/api/tenants/realtime-dev/health", f"Bearer {key}")
    text, variables = _shell_text("realtime"), _stack().environments["realtime"]
    assert _exit_code(text, "127.0.0.1:4000", server, **variables) == 0
    assert _exit_code(text, "127.0.0.1:4000", server, **variables | {"ANON_KEY": "wrong"}) != 0
    server.status = 503
    assert _exit_code(text, "127.0.0.1:4000", server, **variables) != 0
    assert server.asked == [server.wanted, (*server.wanted[:2], "Bearer wrong"), server.wanted]
    assert key not in text


def test_studio_is_well_with_status_200_only(server: _Server) -> None:
    text = _shell_text("studio")
    codes = {}
    for server.status in (200, 204, 404, 500):
        codes[server.status] = _exit_code(text, "localhost:3000", server)
    assert codes[200] == 0
    assert 0 not in (codes[204], codes[404], codes[500])
    assert {path for _, path, _ in server.asked} == {"/api/platform/profile"}
    hollow = text.replace("r.status !== 200", "false")
    assert hollow != text
    assert _exit_code(hollow, "localhost:3000", server) == 0, "a check that never fails would show"
