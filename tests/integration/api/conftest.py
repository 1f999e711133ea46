"""The API in process: with a job engine that only remembers, or with scripted playbooks."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.engine import Engine

from supafleet import app as app_module
from supafleet.app import create_app
from supafleet.db import reading
from supafleet.jobs.fake import RecordingJobEngine
from supafleet.projects import service as projects
from supafleet.runner.fake import FakeLauncher, sees
from supafleet.settings import Settings
from tests import official_document
from tests.integration.api.first_start import FirstStarts
from tests.integration.conftest import DATABASES, PostgresServer

PASSWORD = "correctHorse7battery"
SECONDS = 30


@dataclass
class Api:
    """A running application and a client with the owner's token."""

    app: FastAPI
    client: TestClient
    settings: Settings
    jobs: RecordingJobEngine = field(default_factory=RecordingJobEngine)

    @property
    def engine(self) -> Engine:
        engine: Engine = self.app.state.engine
        return engine

    @property
    def organization(self) -> str:
        slug: str = self.client.get("/v1/organizations").json()[0]["slug"]
        return slug

    def body(self, **fields: Any) -> dict[str, Any]:
        return {"name": "Acme", "organization_slug": self.organization, "db_pass": PASSWORD, **fields}

    def create(self, **fields: Any) -> dict[str, Any]:
        answer = self.client.post("/v1/projects", json=self.body(**fields))
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created

    def secrets_of(self, ref: str) -> dict[str, str]:
        with reading(self.engine) as session:
            project = projects.find_project(session, ref)
            assert project is not None
            return projects.reveal_secrets(session, project, self.settings)

    def refusal(self, **fields: Any) -> tuple[int, str]:
        answer = self.client.post("/v1/projects", json=self.body(**fields))
        assert set(answer.json()) == {"message"}, answer.text
        return answer.status_code, answer.json()["message"]


def wait_for(api: Api, ref: str, *statuses: str) -> dict[str, Any]:
    """The project once it has one of `statuses`."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        project: dict[str, Any] = api.client.get(f"/fleet/projects/{ref}").json()
        if project["status"] in statuses:
            return project
        time.sleep(0.05)
    raise AssertionError(f"{ref} never became {statuses}: {project}")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("SUPAFLEET_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def first_starts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FirstStarts:
    def server() -> PostgresServer:
        running: PostgresServer = request.getfixturevalue("postgres_server")
        return running

    return FirstStarts(tmp_path_factory.mktemp("first-starts"), server)


@pytest.fixture(params=DATABASES)
def settings(request: pytest.FixtureRequest, first_starts: FirstStarts, tmp_path: Path) -> Iterator[Settings]:
    """Those of a service that was started before, once with each kind of database."""
    for database_url, data_dir in first_starts.copy(request.param, tmp_path):
        yield Settings(
            data_dir=data_dir,
            database_url=database_url,
            run_dir=tmp_path,
            health_max_age_seconds=0,
            rate_limit_per_token=0,
            rate_limit_per_address=0,
        )


def serve(app: FastAPI, settings: Settings) -> Iterator[TestClient]:
    with TestClient(app) as client:
        client.event_hooks["response"].append(official_document.judge)
        client.headers["Authorization"] = f"Bearer {settings.owner_token_file.read_text().strip()}"
        yield client


@pytest.fixture
def api(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API; runs are requested and stay queued."""
    jobs = RecordingJobEngine()
    monkeypatch.setattr(app_module, "build_job_engine", lambda *_: jobs)
    app = create_app(settings)
    for client in serve(app, settings):
        yield Api(app, client, settings, jobs)


@pytest.fixture
def launcher() -> FakeLauncher:
    """What playbooks do; a test changes its scripts."""
    return FakeLauncher()


@pytest.fixture
def live_api(settings: Settings, launcher: FakeLauncher) -> Iterator[Api]:
    """The API with the real job engine; runs follow the launcher's scripts."""
    app = create_app(settings, launcher)
    for client in serve(app, settings):
        yield Api(app, client, settings)


def given(launcher: FakeLauncher, ref: str, prefix: str) -> dict[str, str]:
    """The project's secrets whose names begin with the prefix, as the latest run got them."""
    secrets: dict[str, str] = launcher.requests[-1].extra_vars["supafleet_secrets"][ref]
    return {name.removeprefix(prefix): value for name, value in secrets.items() if name.startswith(prefix)}


@pytest.fixture
def ref(live_api: Api, launcher: FakeLauncher) -> str:
    """A project that came up and is seen to be well."""
    name = str(live_api.create()["ref"])
    launcher.scripts["fleet_observe"] = sees(**{name: "healthy"})
    # A look that began before the launcher was told sees nothing, and what it makes the service do has to end.
    while wait_for(live_api, name, "ACTIVE_HEALTHY")["run"]["ended_at"] is None:
        time.sleep(0.05)
    return name
