"""`supafleet down --purge` and the lists of the command line, over the real API."""

from pathlib import Path

import pytest
from httpx import BaseTransport, Request, Response

from supafleet.cli import down
from supafleet.cli.client import FleetClient
from supafleet.cli.credentials import Connection
from supafleet.cli.local_service import LocalService, ServiceRecord
from supafleet.cli.main import invoke
from tests.integration.api.conftest import Api
from tests.integration.api.people import add_stranger


class _Borrowed(BaseTransport):
    """The transport of the API's own client, which a command's client must not close."""

    def __init__(self, api: Api) -> None:
        self._lent = api.client._transport

    def handle_request(self, request: Request) -> Response:
        return self._lent.handle_request(request)


@pytest.fixture
def client(live_api: Api) -> FleetClient:
    """The command line's client of the API in process, with the owner's token."""
    return client_of(live_api)


def client_of(api: Api) -> FleetClient:
    token = api.settings.owner_token_file.read_text().strip()
    return FleetClient(Connection("http://testserver", token), _Borrowed(api))


@pytest.fixture
def folder(live_api: Api, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of a service that runs in this process."""
    record = ServiceRecord(1, 1, "", "http://testserver")
    monkeypatch.setattr(LocalService, "running", lambda _: record)
    monkeypatch.setattr(LocalService, "stop", lambda _: True)
    monkeypatch.setattr(down, "client_of", lambda *_: client_of(live_api))
    return live_api.settings.data_dir


def purge(folder: Path) -> int:
    return invoke(("down", "--purge", "--yes", "--data-dir", str(folder)))


def test_projects_of_another_organization_keep_the_master_key(
    live_api: Api, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = add_stranger(live_api)
    (theirs,) = live_api.client.get("/v1/organizations", headers=stranger.headers).json()
    body = live_api.body(organization_slug=theirs["slug"])
    ref = live_api.client.post("/v1/projects", json=body, headers=stranger.headers).json()["ref"]
    own = live_api.create()["ref"]
    assert purge(folder) == 5
    told = capsys.readouterr().err
    assert told.startswith(
        "error: 1 project belongs to organizations that the owner is no member of, on the Docker hosts: local (1). "
    )
    assert (folder / "owner-token").exists()
    assert live_api.client.get(f"/v1/projects/{own}").status_code == 200
    assert live_api.client.get(f"/v1/projects/{ref}", headers=stranger.headers).status_code == 200


def test_a_purge_deletes_every_project_whatever_the_database_is(
    live_api: Api, ref: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    is_inside = (folder / "control.sqlite").exists()
    assert purge(folder) == 0, capsys.readouterr().err
    told = capsys.readouterr()
    assert f"removed project Acme ({ref})" in told.out
    assert ("SUPAFLEET_DATABASE_URL" in told.err) is not is_inside
    assert not folder.exists()
    assert live_api.client.get(f"/v1/projects/{ref}").status_code == 404


def test_hosts_and_runs_are_what_the_command_line_understands(live_api: Api, ref: str, client: FleetClient) -> None:
    (host,) = client.hosts()
    assert (host.name, host.connection, host.projects, host.observation_error) == ("local", "local", 1, None)
    assert host.observed_at is not None
    (run,) = [run for run in client.runs(ref, 20) if run.kind == "project_create"]
    assert run.project_ref == ref
    assert run.seconds is not None
    assert run.id in [one.id for one in client.runs(None, 500)]
    assert [(project.ref, project.host) for project in client.fleet_projects()] == [(ref, "local")]
