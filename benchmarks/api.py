"""How fast the API answers with a full database: against a bare FastAPI route that returns the same bytes."""

import contextlib
import secrets
import socket
import string
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI, Response
from sqlmodel import Session

from benchmarks.figures import Figure, Results, ratios
from benchmarks.readers import percentile
from benchmarks.service import Service, is_ready, running_service
from supafleet.accounts import service as accounts
from supafleet.db import engine_from_url, row_id, unit_of_work
from supafleet.hosts import service as hosts
from supafleet.organizations import service as organizations
from supafleet.projects.models import Project
from supafleet.projects.states import Desired, Observed, Status
from tests.integration.conftest import running_postgres

PROJECTS, ORGANIZATIONS = 10_000, 200
REQUESTS = 400
RATIO_BOUND = 2.0
_GROUP = "API"
# All projects are on one host here and none of them is real.
_SETTINGS = {
    "SUPAFLEET_OBSERVATION_INTERVAL_SECONDS": "86400",
    "SUPAFLEET_OBSERVATION_DEADLINE_SECONDS": "200000",
}


@dataclass(frozen=True)
class Member:
    """Somebody who belongs to one organization of many."""

    token: str
    ref: str


def measure_api(folder: Path, rounds: int, say: Callable[[str], None], results: Results) -> None:
    """List and get, on SQLite and on PostgreSQL; the engine is not touched."""
    folder.mkdir()
    sqlite = f"sqlite:///{folder / 'full.sqlite'}"
    _measure_on("SQLite", sqlite, folder / "sqlite", rounds, say, results)
    with running_postgres() as server:
        _measure_on("PostgreSQL", server.create_database(), folder / "postgresql", rounds, say, results)


def _measure_on(name: str, url: str, folder: Path, rounds: int, say: Callable[[str], None], results: Results) -> None:
    with running_service(folder, settings={"SUPAFLEET_DATABASE_URL": url, **_SETTINGS}) as service:
        # None of the projects is real: the first look at the host would be busy for minutes with missing them.
        while service.api.get("/fleet/hosts").json()[0]["observed_at"] is None:
            time.sleep(0.2)
        member = _fill(url)
        headers = {"Authorization": f"Bearer {member.token}"}
        try:
            for what, path in (("list", "/v1/projects"), ("get", f"/v1/projects/{member.ref}")):
                ours, bare = _paired(service, path, headers, folder / what, rounds)
                say(f"API {what} on {name}: p99 {ours[-1]:.1f} ms against {bare[-1]:.1f} ms")
                results.figures += [
                    Figure(_GROUP, f"{what} on {name}, p99", "ms", ours),
                    Figure(_GROUP, f"{what} on {name} / bare route, p99", "", ratios(ours, bare), RATIO_BOUND),
                ]
        finally:
            _empty(url)


def _paired(
    service: Service, path: str, headers: dict[str, str], folder: Path, rounds: int
) -> tuple[list[float], list[float]]:
    """The 99th percentile (ms) of our route and of one that only returns the same bytes, by round."""
    with httpx.Client(base_url=service.url, headers=headers, timeout=60) as client:
        answer = client.get(path)
        answer.raise_for_status()
        with _bare_route(answer.content, folder) as url, httpx.Client(base_url=url) as other:
            ours, bare = [], []
            for _ in range(rounds):
                ours.append(_late(client, path))
                bare.append(_late(other, "/body"))
    return ours, bare


@contextlib.contextmanager
def _bare_route(body: bytes, folder: Path) -> Iterator[str]:
    """The URL of a process that serves these bytes at `/body`."""
    folder.mkdir(mode=0o700)
    (folder / "body").write_bytes(body)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.api", str(port), str(folder / "body")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        while not is_ready(url):
            if process.poll() is not None:
                raise RuntimeError("the bare route did not start")
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def _late(client: httpx.Client, path: str) -> float:
    spent = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        client.get(path).raise_for_status()
        spent.append((time.perf_counter() - began) * 1000)
    return percentile(spent, 0.99)


def _fill(url: str) -> Member:
    """Many organizations of many projects; a member of the last."""
    engine = engine_from_url(url)
    with unit_of_work(engine) as session:
        host = row_id(hosts.list_hosts(session)[0])
        for number in range(ORGANIZATIONS):
            account = accounts.create_account(session, email=f"{number}@example.com", username=f"member {number}")
            organization = row_id(organizations.create_organization(session, f"Number {number}", row_id(account)))
            refs = [_add_project(session, organization, host, n) for n in range(PROJECTS // ORGANIZATIONS)]
        token = accounts.generate_token()
        accounts.register_token(session, account, "benchmark", token)
    engine.dispose()
    return Member(token, refs[0])


def _add_project(session: Session, organization: int, host: int, number: int) -> str:
    ref = "".join(secrets.choice(string.ascii_lowercase) for _ in range(20))
    fields = {
        "ref": ref,
        "organization_id": organization,
        "host_id": host,
        "name": f"Project {number}",
        "region": "eu-central-1",
        "release": "2026.09",
        "flavour": "sandbox",
        "size": "micro",
        "gateway_port": 20000,
        "subnet": "10.240.0.0/24",
        "desired_state": Desired.PAUSED,
        "observed_state": Observed.STOPPED,
        "status": Status.INACTIVE,
    }
    session.add(Project.model_validate(fields))
    return ref


def _empty(url: str) -> None:
    """Without projects, so that the service's end has nothing to remove."""
    engine = engine_from_url(url)
    with unit_of_work(engine) as session:
        session.execute(sa.delete(Project))
    engine.dispose()


def main() -> None:
    """Serve the bytes of a file, and nothing else."""
    body = Path(sys.argv[2]).read_bytes()
    app = FastAPI()

    @app.get("/body")
    def get_body() -> Response:
        return Response(body, media_type="application/json")

    @app.get("/readyz")
    def get_readiness() -> Response:
        return Response()

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None)


if __name__ == "__main__":
    main()
