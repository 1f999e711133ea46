"""An API for the command line to talk to: real HTTP on loopback, scripted runs, connections that break on demand."""

import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

TOKEN = "sbp_" + "0123456789" * 4
REF = "abcdefghijklmnopqrst"
RUN_ID = "11111111-2222-4333-8444-555555555555"
STARTED_AT = "2026-11-22T12:00:00+00:00"


@dataclass
class Answer:
    """What a command line answered."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


Command = Callable[..., Answer]


def event(number: int, kind: str, **more: Any) -> dict[str, Any]:
    """One event of a run; the n-th comes n seconds after the start."""
    at = f"2026-11-22T12:00:{number:02d}+00:00"
    return {"number": number, "at": at, "kind": kind, "phase": None, "task": None, "message": None} | more


def seen(**phases: str) -> dict[str, Any]:
    """The `services` of an event."""
    return {name: {"phase": phase, "exit_code": None, "restart_count": 0} for name, phase in phases.items()}


GOOD_RUN = [
    event(1, "run.started"),
    event(2, "phase.started", phase="files", task="Put the files"),
    event(3, "phase.started", phase="watch"),
    event(4, "services.observed", phase="watch", services=seen(db="starting", kong="healthy")),
    event(5, "services.observed", phase="watch", services=seen(db="healthy", kong="healthy")),
    event(6, "run.ended", message="line\u2028separator"),
]


@dataclass
class FleetDouble:
    """What the API knows, and how it misbehaves."""

    organizations: list[str] = field(default_factory=lambda: ["acme"])
    events: list[dict[str, Any]] = field(default_factory=lambda: list(GOOD_RUN))
    run: dict[str, Any] = field(default_factory=dict)
    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: Log lines, and the queries that asked for them.
    log_lines: list[dict[str, Any]] = field(default_factory=list)
    log_queries: list[str] = field(default_factory=list)
    #: How many bytes each next connection to the events may carry before it breaks; None carries all.
    breaks_after: list[int | None] = field(default_factory=list)
    #: The stream stays open behind the last event, as that of an unfinished run does.
    stays_open: bool = False
    #: The token has no requests left in this minute.
    is_spent: bool = False
    create_refusal: tuple[int, str] | None = None
    delete_refusals: list[tuple[int, str]] = field(default_factory=list)
    tokens: list[dict[str, Any]] = field(default_factory=list)
    #: Docker hosts by name, and how many projects each has that the token's owner does not see.
    unseen_projects: dict[str, int] = field(default_factory=lambda: {"local": 0})
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: What the doctor finds, and which orphans were removed.
    differences: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"local": []})
    blind_hosts: dict[str, str] = field(default_factory=dict)
    removed_orphans: list[tuple[str, str]] = field(default_factory=list)
    run_queries: list[str] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    last_event_ids: list[str | None] = field(default_factory=list)
    url: str = ""

    def add_project(self, ref: str = REF, name: str = "demo", status: str = "ACTIVE_HEALTHY", **more: Any) -> None:
        """Have a project, as a create would leave it."""
        self.projects[ref] = {
            "id": ref,
            "ref": ref,
            "name": name,
            "organization_id": "acme",
            "organization_slug": "acme",
            "region": "eu-central-1",
            "created_at": STARTED_AT,
            "status": status,
            "flavour": "sandbox",
            "host": "local",
            **more,
        }

    def run_record(self, kind: str = "project_create") -> dict[str, Any]:
        """The record of the one run."""
        record = {
            "id": RUN_ID,
            "kind": kind,
            "project_ref": REF,
            "actor": "owner@localhost",
            "driver": "api",
            "status": "succeeded",
            "attempt": 1,
            "phase": "watch",
            "explanation": None,
            "created_at": STARTED_AT,
            "started_at": STARTED_AT,
            "ended_at": "2026-11-22T12:00:06+00:00",
            "phases": [{"name": "watch", "started_at": STARTED_AT, "ended_at": STARTED_AT, "seconds": 3.0}],
            "services": {"db": "healthy"},
        }
        return record | self.run

    def app(self) -> Starlette:
        """The API."""
        return Starlette(
            routes=[
                Route("/readyz", self._ready),
                Route("/v1/organizations", self._organizations),
                Route("/v1/projects", self._projects, methods=["GET", "POST"]),
                Route("/v1/projects/{ref}", self._delete, methods=["DELETE"]),
                Route("/v1/projects/{ref}/api-keys", self._keys),
                Route("/fleet/account/tokens", self._tokens, methods=["GET", "POST"]),
                Route("/fleet/account/tokens/{token_id}", self._revoke_token, methods=["DELETE"]),
                Route("/fleet/doctor", self._doctor),
                Route("/fleet/hosts", self._hosts),
                Route("/fleet/hosts/{host}/orphans/{ref}", self._remove_orphan, methods=["DELETE"]),
                Route("/fleet/projects", self._fleet_projects),
                Route("/fleet/projects/{ref}", self._fleet_project),
                Route("/fleet/projects/{ref}/logs", self._logs),
                Route("/fleet/projects/{ref}/studio", self._studio),
                Route("/fleet/runs", self._runs),
                Route("/fleet/runs/{run_id}", self._run),
                Route("/fleet/runs/{run_id}/events", self._events),
            ]
        )

    async def _ready(self, _request: Request) -> Response:
        return JSONResponse({})

    def _refused(self, request: Request) -> Response | None:
        self.requests.append((request.method, str(request.url.path)))
        if self.is_spent:
            return JSONResponse({"message": "Too many requests: try again."}, status_code=429)
        if request.headers.get("authorization") == f"Bearer {TOKEN}":
            return None
        return JSONResponse({"message": "the access token is unknown"}, status_code=401)

    async def _organizations(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse(
            [{"id": slug, "slug": slug, "name": slug} for slug in self.organizations]
        )

    async def _projects(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if request.method == "GET":
            return JSONResponse(list(self.projects.values()))
        body = await request.json()
        self.bodies.append(body)
        if self.create_refusal:
            status, message = self.create_refusal
            return JSONResponse({"message": message}, status_code=status)
        self.add_project(name=body["name"])
        return JSONResponse(self.projects[REF], status_code=201)

    async def _delete(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if self.delete_refusals:
            status, message = self.delete_refusals.pop(0)
            return JSONResponse({"message": message}, status_code=status)
        project = self.projects.pop(request.path_params["ref"], None)
        if project is None:
            return JSONResponse({"message": "Project not found"}, status_code=404)
        return JSONResponse({"id": 1, "ref": project["ref"], "name": project["name"]})

    async def _keys(self, request: Request) -> Response:
        is_revealed = request.query_params.get("reveal") == "true"
        keys = [{"name": "anon", "api_key": "anon-jwt", "type": "legacy"}]
        keys.append({"name": "service_role", "api_key": "service-jwt" if is_revealed else "ser...", "type": "legacy"})
        return self._refused(request) or JSONResponse(keys)

    async def _studio(self, request: Request) -> Response:
        access = {"url": "http://127.0.0.1:24321", "username": "supabase", "password": "studio-password"}
        return self._refused(request) or JSONResponse(access)

    async def _tokens(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if request.method == "GET":
            return JSONResponse(self.tokens)
        body = await request.json()
        self.bodies.append(body)
        row = {"id": len(self.tokens) + 1, "name": body["name"], "prefix": TOKEN[:8], "created_at": STARTED_AT}
        self.tokens.append({**row, "expires_at": None, "last_used_at": None, "revoked_at": None})
        return JSONResponse({**self.tokens[-1], "token": TOKEN}, status_code=201)

    async def _revoke_token(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        for row in self.tokens:
            if str(row["id"]) == request.path_params["token_id"]:
                row["revoked_at"] = STARTED_AT
                return JSONResponse(row)
        return JSONResponse({"message": "The account has no such token."}, status_code=404)

    async def _hosts(self, request: Request) -> Response:
        rows = [
            {
                "name": name,
                "connection": "local",
                "address": None,
                "projects": unseen + sum(project["host"] == name for project in self.projects.values()),
                "observed_at": STARTED_AT,
                "observation_error": None,
                **self.hosts.get(name, {}),
            }
            for name, unseen in self.unseen_projects.items()
        ]
        return self._refused(request) or JSONResponse(rows)

    async def _doctor(self, request: Request) -> Response:
        reports = [
            {"host": host, "observed_at": STARTED_AT, "error": self.blind_hosts.get(host), "differences": found}
            for host, found in self.differences.items()
        ]
        return self._refused(request) or JSONResponse(reports)

    async def _remove_orphan(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        self.removed_orphans.append((request.path_params["host"], request.path_params["ref"]))
        return JSONResponse(self.run_record("project_delete"))

    async def _fleet_projects(self, request: Request) -> Response:
        return self._refused(request) or JSONResponse(list(self.projects.values()))

    async def _fleet_project(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        project = self.projects.get(request.path_params["ref"])
        if project is None:
            return JSONResponse({"message": "Project not found"}, status_code=404)
        services = [{"name": "db", "phase": "healthy", "exit_code": None, "restart_count": 0, "image": "db:1"}]
        more = {"public_url": "http://127.0.0.1:24321", "services": services, "run": self.run_record()}
        return JSONResponse(more | project)

    async def _runs(self, request: Request) -> Response:
        self.run_queries.append(str(request.url.query))
        if request.query_params.get("project", REF) != REF:
            return self._refused(request) or JSONResponse([])
        kinds = ["project_observe", "project_create"] + ([] if self.projects else ["project_delete"])
        return self._refused(request) or JSONResponse([self.run_record(kind) for kind in kinds])

    async def _run(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if request.path_params["run_id"] != RUN_ID:
            return JSONResponse({"message": "Run not found"}, status_code=404)
        return JSONResponse(self.run_record())

    async def _events(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        last = request.headers.get("last-event-id")
        self.last_event_ids.append(last)
        text = ": hello\n\n" + "".join(
            f"id: {found['number']}\nevent: {found['kind']}\ndata: {json.dumps(found, ensure_ascii=False)}\n\n"
            for found in self.events
            if found["number"] > int(last or 0)
        )
        limit = self.breaks_after.pop(0) if self.breaks_after else None
        return StreamingResponse(self._bytes(text.encode(), limit), media_type="text/event-stream")

    async def _logs(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if request.path_params["ref"] not in self.projects:
            return JSONResponse({"message": "Project not found"}, status_code=404)
        self.log_queries.append(str(request.url.query))
        text = "\n" + "".join(json.dumps(line, ensure_ascii=False) + "\n\n" for line in self.log_lines)
        return StreamingResponse(self._bytes(text.encode(), None), media_type="application/x-ndjson")

    async def _bytes(self, document: bytes, limit: int | None) -> AsyncIterator[bytes]:
        # Small pieces: a reader must not rely on an event coming whole.
        for start in range(0, len(document) if limit is None else min(limit, len(document)), 7):
            yield document[start : min(start + 7, limit or len(document))]
        if limit is not None:
            raise ConnectionError("broken on purpose")
        while self.stays_open:
            await anyio.sleep(0.05)


class Stage:
    """One server on a free port of the loopback address, for one double after the other."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        config = uvicorn.Config(self, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the double of the moment."""
        assert self._app is not None
        await self._app(scope, receive, send)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Serve until the end of the block."""
        self._thread.start()
        deadline = time.monotonic() + 10
        while not self._server.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        try:
            yield
        finally:
            self._server.should_exit = True
            self._thread.join(timeout=10)

    @contextmanager
    def shows(self, double: FleetDouble) -> Iterator[FleetDouble]:
        """Let `double` answer until the end of the block."""
        double.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"
        self._app = double.app()
        try:
            yield double
        finally:
            double.stays_open = False
            self._app = None
