"""A real service in its own process, as a person would start it."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from tests.official_document import judge

START_SECONDS = 60
RUN_SECONDS = 180
#: How the name of every installation of tests begins: what a killed run left is known by it.
TEST_INSTALLATION = "test-"
#: Of a project, unless a test has its own.
SETTINGS = {"mailer_autoconfirm": True}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LiveService:
    """`supafleet serve` on a folder of its own."""

    def __init__(self, data_dir: Path, installation: str, ports: tuple[int, int], subnet_pool: str, **settings: str):
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data_dir / "service.log"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SUPAFLEET_")},
            "SUPAFLEET_DATA_DIR": str(data_dir),
            "SUPAFLEET_LISTEN_PORT": str(self.port),
            "SUPAFLEET_INSTALLATION": f"{TEST_INSTALLATION}{installation}",
            # A test looks more often than a program that behaves.
            "SUPAFLEET_RATE_LIMIT_PER_TOKEN": "0",
            "SUPAFLEET_RATE_LIMIT_PER_ADDRESS": "0",
            "SUPAFLEET_DEFAULT_FLAVOUR": "sandbox",
            "SUPAFLEET_LOCAL_PORT_FIRST": str(ports[0]),
            "SUPAFLEET_LOCAL_PORT_LAST": str(ports[1]),
            "SUPAFLEET_LOCAL_SUBNET_POOL": subnet_pool,
            **{f"SUPAFLEET_{name.upper()}": value for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, program: str | None = None) -> "LiveService":
        self.data_dir.mkdir(parents=True, exist_ok=True)
        words = [program or str(Path(sys.executable).with_name("supafleet")), "serve"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                words, env=self.environment, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the service ended at start:\n{self.log.read_text()[-4000:]}")
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"the service was not ready in {START_SECONDS} s:\n{self.log.read_text()[-4000:]}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(timeout=60)

    def __enter__(self) -> "LiveService":
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Remove what it made, then end it, whatever became of that."""
        try:
            self.delete_all()
        finally:
            self.stop()

    @property
    def token(self) -> str:
        return (self.data_dir / "owner-token").read_text().strip()

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
            event_hooks={"response": [judge]},
        )

    def create(self, name: str, **fields: Any) -> str:
        """Ask for a project; its ref."""
        with self.client() as api:
            organization = api.get("/v1/organizations").json()[0]["slug"]
            body = {
                "name": name,
                "organization_slug": organization,
                "db_pass": secrets.token_hex(12),
                "region": "local",
                "settings": SETTINGS,
                **fields,
            }
            answer = api.post("/v1/projects", json=body)
            assert answer.status_code == 201, answer.text
            return str(answer.json()["ref"])

    def project(self, ref: str) -> dict[str, Any]:
        with self.client() as api:
            answer = api.get(f"/fleet/projects/{ref}")
            assert answer.status_code == 200, answer.text
            return dict(answer.json())

    def wait(self, ref: str, *statuses: str, seconds: float = RUN_SECONDS) -> dict[str, Any]:
        """The project once it has one of `statuses`."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            project = self.project(ref)
            if project["status"] in statuses:
                return project
            time.sleep(0.2)
        raise AssertionError(f"{ref} is still {project['status']} after {seconds} s: {project}")

    def delete(self, *refs: str) -> None:
        """Ask for the removal of each and wait until it is gone."""
        with self.client() as api:
            for ref in refs:
                answer = api.delete(f"/v1/projects/{ref}")
                assert answer.status_code in (200, 404), answer.text
                deadline = time.monotonic() + RUN_SECONDS
                while api.get(f"/fleet/projects/{ref}").status_code != 404:
                    assert time.monotonic() < deadline, f"{ref} is not gone after {RUN_SECONDS} s: {self.project(ref)}"
                    time.sleep(0.2)

    def delete_all(self) -> None:
        """Remove every project, so that nothing is left when the service ends."""
        with self.client() as api:
            refs = [project["ref"] for project in api.get("/v1/projects").json()]
        self.delete(*refs)

    def keys(self, ref: str) -> dict[str, str]:
        """API keys by name."""
        with self.client() as api:
            answer = api.get(f"/v1/projects/{ref}/api-keys", params={"reveal": "true"})
            assert answer.status_code == 200, answer.text
            return {key["name"]: key["api_key"] for key in answer.json()}

    def runs(self, ref: str) -> list[dict[str, Any]]:
        with self.client() as api:
            return list(api.get("/fleet/runs", params={"project": ref}).json())
