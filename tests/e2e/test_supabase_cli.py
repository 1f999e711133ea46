"""The unmodified official command line works on a project, command by command, and the docs say which do."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from supafleet.content import content_root
from tests.e2e import docker_eyes
from tests.e2e.live_service import LiveService

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]

PACKAGE = Path(__file__).parent / "cli"
PAGE = content_root() / "docs" / "reference" / "supabase-cli.md"
COMMAND_SECONDS = 240
FUNCTION = "Deno.serve(() => new Response(`hello ${Deno.env.get('GREETED') ?? 'nobody'}`));\n"
PASSWORD = "correctHorse7battery"
MAIL = '<h1>Hello</h1>\n<a href="{{ .ConfirmationURL }}">Come in</a>\n'
MAIL_CONFIG = """\
[auth.email.template.invite]
subject = "Come in"
content_path = "./supabase/templates/invite.html"
"""


@dataclass
class Person:
    """Somebody with the official command line, a folder and a profile that names the service."""

    program: Path
    home: Path
    service: LiveService
    ref: str = ""
    results: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.home / "work"

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(("SUPABASE_", "SUPAFLEET_"))}
        environment = {
            **own,
            "HOME": str(self.home),
            "SUPABASE_PROFILE": str(self.home / "profile.yaml"),
            "SUPABASE_ACCESS_TOKEN": self.service.token,
            "SUPABASE_TELEMETRY_DISABLED": "1",
            "DO_NOT_TRACK": "1",
        }
        return subprocess.run(
            [str(self.program), *words],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def saw(self, name: str, is_right: bool, told: object) -> None:
        """Note what was seen beside a command."""
        self.results[name] = "yes" if is_right else "no"
        if not is_right:
            print(f"--- {name}: {told}")

    def does(self, name: str, *words: str, sees: str = "", check: Callable[[str], bool] | None = None) -> str:
        """Type a command; whether it did what it is for goes into the table under its name."""
        answer = self.type(*words)
        is_right = answer.returncode == 0 and sees in answer.stdout + answer.stderr
        is_right = is_right and (check is None or check(answer.stdout))
        self.saw(name, is_right, f"{words} ended with {answer.returncode}\n{answer.stdout}\n{answer.stderr}")
        return answer.stdout

    def on_project(self, name: str, *words: str, sees: str = "", check: Callable[[str], bool] | None = None) -> str:
        return self.does(name, *words, f"--remote={self.ref}", sees=sees, check=check)


@pytest.fixture
def person(sandbox_images: dict[str, str], tmp_path: Path) -> Iterator[Person]:
    shutil.copytree(PACKAGE, tmp_path / "cli")
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
    subprocess.run(install, cwd=tmp_path / "cli", check=True, timeout=300)
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    with LiveService(tmp_path / "service", "official-cli", (25600, 25619), "10.232.0.0/16") as live:
        (home / "profile.yaml").write_text(
            f"name: supafleet\napi_url: {live.url}\ndashboard_url: {live.url}\nproject_host: localhost\n"
        )
        yield Person(tmp_path / "cli" / "node_modules" / ".bin" / "supabase", home, live)


def test_the_official_command_line_works(person: Person) -> None:
    account_and_project(person)
    database(person)
    functions_and_secrets(person)
    configuration(person)
    removal(person)
    print(table(person.results))
    assert table(person.results) in PAGE.read_text(), "docs/reference/supabase-cli.md tells what was just seen"
    assert set(person.results.values()) == {"yes"}


def account_and_project(person: Person) -> None:
    person.does("login", "login", "--token", person.service.token, sees="logged in")
    person.does("whoami", "whoami", sees="owner@localhost")
    person.does("orgs list", "orgs", "list", sees="My organization")
    person.does("orgs create", "orgs", "create", "By the command line", "--yes")
    person.does("orgs list, again", "orgs", "list", sees="By the command line")
    with person.service.client() as api:
        slug = api.get("/v1/organizations").json()[0]["slug"]
    words = ("--org-id", slug, "--db-password", PASSWORD, "--region", "eu-central-1", "--output", "json", "--yes")
    created = person.does("projects create", "projects", "create", "From the command line", *words)
    person.ref = str(json.loads(created)["id"])
    person.service.wait(person.ref, "ACTIVE_HEALTHY")
    person.does("projects list", "projects", "list", sees=person.ref)
    keys = person.service.keys(person.ref)
    person.on_project("projects api-keys", "projects", "api-keys", "--reveal", sees=keys["service_role"])


def database(person: Person) -> None:
    sql = "create table public.todo (id int8 primary key, title text); insert into todo values (1, 'try it')"
    person.on_project("db query (write)", "db", "query", sql, "--yes")
    person.on_project("db query (read)", "db", "query", "select title from todo", "--read-only", sees="try it")
    with person.service.client() as api:
        migration = {"name": "more", "query": "alter table todo add column done boolean not null default false"}
        answer = api.post(f"/v1/projects/{person.ref}/database/migrations", json=migration)
    person.saw("migration (by the API)", answer.status_code == 200, answer.text)
    person.on_project("gen types", "gen", "types", "typescript", sees="done: boolean")


def functions_and_secrets(person: Person) -> None:
    source = person.folder / "supabase" / "functions" / "hello"
    source.mkdir(parents=True)
    (source / "index.ts").write_text(FUNCTION)
    person.does("init", "init", "--yes")
    person.on_project("secrets set", "secrets", "set", "GREETED=world", "--yes")
    person.on_project("secrets list", "secrets", "list", sees="GREETED")
    person.on_project("functions deploy", "functions", "deploy", "hello", "--use-api", "--yes")
    person.on_project("functions list", "functions", "list", sees="hello")
    person.results["the function answers"] = (
        "yes" if called(person) == (200, "hello world") else f"no: {called(person)}"
    )
    shutil.rmtree(source)
    person.on_project("functions download", "functions", "download", "hello", "--use-api", "--yes")
    is_back = (source / "index.ts").exists() and (source / "index.ts").read_text() == FUNCTION
    person.saw("functions download brings it back", is_back, list(source.parent.rglob("*")))
    person.on_project("functions delete", "functions", "delete", "hello", "--yes")
    answered = called(person)
    person.saw("the function is gone", answered[0] == 404, answered)
    person.on_project("secrets unset", "secrets", "unset", "GREETED", "--yes")
    person.on_project("secrets list, again", "secrets", "list", check=lambda told: "GREETED" not in told)


def called(person: Person) -> tuple[int, str]:
    project, keys = person.service.project(person.ref), person.service.keys(person.ref)
    headers = {"Authorization": f"Bearer {keys['anon']}", "apikey": keys["anon"]}
    answer = httpx.get(f"{project['public_url']}/functions/v1/hello", headers=headers, timeout=30)
    return answer.status_code, answer.text


def configuration(person: Person) -> None:
    before = docker_eyes.container_ids(person.ref)
    config = person.folder / "supabase" / "config.toml"
    text = re.sub(r"^max_rows = \d+", "max_rows = 7", config.read_text(), flags=re.MULTILINE)
    # What only the hosted platform has is on in the file that `init` writes, and refused by name.
    before_vectors, place, vectors = text.partition("[storage.vector]")
    without_vectors = before_vectors + place + vectors.replace("enabled = true", "enabled = false", 1)
    mail = config.parent / "templates" / "invite.html"
    mail.parent.mkdir()
    mail.write_text(MAIL)
    config.write_text(f"{without_vectors}\n{MAIL_CONFIG}")
    person.on_project("config diff", "config", "diff", sees="max_rows")
    person.on_project("config push", "config", "push", "--yes")
    with person.service.client() as api:
        most = api.get(f"/v1/projects/{person.ref}/postgrest").json()["max_rows"]
        auth = api.get(f"/v1/projects/{person.ref}/config/auth").json()
    told = (most, auth["mailer_subjects_invite"], auth["mailer_templates_invite_content"])
    after = docker_eyes.container_ids(person.ref)
    is_new = all(after[service] != before[service] for service in ("rest", "auth"))
    person.saw("config push has effect", told == (7, "Come in", MAIL) and is_new, told)
    person.on_project("branches list", "branches", "list")
    person.on_project("network-restrictions get", "network-restrictions", "get", "--experimental")
    person.on_project("ssl-enforcement get", "ssl-enforcement", "get", "--experimental")


def removal(person: Person) -> None:
    person.does("projects delete", "projects", "delete", person.ref, "--yes")
    person.service.delete(person.ref)
    docker_eyes.assert_nothing_is_left(person.ref)


def table(results: dict[str, str]) -> str:
    """The table of the docs."""
    return "\n".join(["| command | works |", "|---|---|", *(f"| {name} | {told} |" for name, told in results.items())])
