"""The Docker engine's HTTP API over its socket, with the standard library alone.

A module that imports a client library costs twice the processor time of one that does not, and the watch starts one
every few seconds while twelve containers want that processor (ADR 0013).
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import urllib.parse

DEFAULT_HOST = "unix:///var/run/docker.sock"
TIMEOUT_SECONDS = 60


class EngineError(Exception):
    """The engine refused, or did not answer (then `status` is 0)."""

    def __init__(self, message, status=0):
        super().__init__(message)
        self.status = status


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def engine_address():
    """Where the engine listens: what the environment says, else its usual socket. A context of the docker command is
    not looked at, so Compose has to be told."""
    return os.environ.get("DOCKER_HOST") or DEFAULT_HOST


class Engine:
    """One connection to the engine of this host, kept open from request to request."""

    def __init__(self):
        host = engine_address()
        if not host.startswith("unix://"):
            raise EngineError(f"DOCKER_HOST is {host}: only the engine's socket on the host itself (unix://) is used")
        self._connection = _SocketConnection(host[len("unix://") :])
        # The engine's own newest version: none that we could name is spoken by all engines from 20.10 to 29.
        self._prefix = ""
        self._prefix = "/v" + self.get("/version")["ApiVersion"]

    def get(self, path, **query):
        """The decoded answer of a GET request.

        Raises:
            EngineError: with the engine's own sentence; status 404 when there is no such object.
        """
        return json.loads(self.get_bytes(path, **query))

    def get_bytes(self, path, **query):
        """The undecoded answer of a GET request."""
        return self._ask("GET", _with_query(path, query))

    def delete(self, path, takes_seconds=0, **query):
        """Remove something; `takes_seconds` is how long the engine may work on it before it answers.

        Raises:
            EngineError: with the engine's own sentence; status 404 when there is no such object.
        """
        self._wait_for(takes_seconds)
        self._ask("DELETE", _with_query(path, query))

    def post(self, path, body=None, takes_seconds=0):
        """Send `body` (dict) as JSON; `takes_seconds` is how long the engine may work on it before it answers."""
        self._wait_for(takes_seconds)
        content = None if body is None else json.dumps(body)
        self._ask("POST", path, content, {"Content-Type": "application/json"} if body is not None else {})

    def _wait_for(self, takes_seconds):
        self._connection.timeout = TIMEOUT_SECONDS + takes_seconds
        if self._connection.sock is not None:
            self._connection.sock.settimeout(self._connection.timeout)

    def _ask(self, method, path, body=None, headers=None):
        try:
            self._connection.request(method, self._prefix + path, body=body, headers=headers or {})
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"the Docker engine did not answer: {error}") from error
        if answer.status >= 400:
            raise EngineError(_sentence(content), answer.status)
        return content


def _with_query(path, query):
    return path + "?" + urllib.parse.urlencode(query) if query else path


def _sentence(content):
    text = content.decode(errors="replace").strip()
    try:
        return json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        return text
