"""The unmodified official MCP server as a process, spoken to as an assistant does: one JSON document a line."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.live_service import LiveService

_PACKAGE = Path(__file__).parents[1] / "mcp"
# All but the one that asks a documentation server, and with storage, which is off unless named.
_FEATURES = "account,database,debugging,development,functions,branching,storage"


class McpServer:
    """One session with the server."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._number = 0
        hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        self._ask("initialize", hello)
        self._send({"method": "notifications/initialized"})

    def tools(self) -> set[str]:
        """Names of the tools it offers."""
        return {tool["name"] for tool in self._ask("tools/list", {})["tools"]}

    def call(self, tool: str, **arguments: Any) -> tuple[bool, str]:
        """Whether the tool did its work, and what it said."""
        result = self._ask("tools/call", {"name": tool, "arguments": arguments})
        return not result.get("isError"), "".join(part.get("text", "") for part in result["content"])

    def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])
        raise AssertionError(f"the MCP server ended before it answered {method}")

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._process.stdin.flush()


@contextmanager
def mcp_server(folder: Path, service: LiveService, *options: str) -> Iterator[McpServer]:
    """The server of a person with the owner's token."""
    if not (folder / "node_modules").exists():
        shutil.copytree(_PACKAGE, folder, dirs_exist_ok=True)
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
        subprocess.run(install, cwd=folder, check=True, timeout=300)
    program = folder / "node_modules" / ".bin" / "mcp-server-supabase"
    words = [str(program), "--api-url", service.url, "--features", _FEATURES, *options]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "SUPABASE_ACCESS_TOKEN": service.token}
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        try:
            yield McpServer(process)
        finally:
            process.kill()
