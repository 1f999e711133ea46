"""The API over HTTP: one method per request, every failure one sentence."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from supafleet.cli.credentials import Connection
from supafleet.cli.exits import ApiRefusalError, ApiSilentError, ApiUnreachableError, CommandError, UsageError
from supafleet.cli.shapes import ApiKey, FleetProject, Host, HostReport, Organization, Project, Run, StudioAccess, Token
from supafleet.runs.vocabulary import RunKind

_TIMEOUT = httpx.Timeout(60, connect=5)
# A change is answered when it is applied.
_CHANGE_TIMEOUT = httpx.Timeout(330, connect=5)
# The server sends something at least this often; a longer silence is a dead connection.
_LONGEST_SILENCE_SECONDS = 30.0
_REF = re.compile(r"[a-z]{20}")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

Answer = TypeVar("Answer")


class FleetClient:
    """A client of one API with one token."""

    def __init__(self, connection: Connection, transport: httpx.BaseTransport | None = None) -> None:
        self.api_url = connection.api_url
        self._http = httpx.Client(
            base_url=connection.api_url,
            headers={"Authorization": f"Bearer {connection.access_token}"},
            timeout=_TIMEOUT,
            transport=transport,
            # A proxy of the environment cannot reach this machine's own loopback.
            trust_env=urlsplit(connection.api_url).hostname not in _LOOPBACK,
        )

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def organizations(self) -> list[Organization]:
        """The organizations of the token's owner."""
        return self._read("GET", "/v1/organizations", list[Organization])

    def projects(self) -> list[Project]:
        """All projects of the token's owner."""
        return self._read("GET", "/v1/projects", list[Project])

    def find_ref(self, wanted: str) -> str:
        """The ref of the project that a person means by its ref or its name; what nobody is called stays as it is.

        Raises:
            UsageError: several projects have this name.
        """
        if _REF.fullmatch(wanted):
            return wanted
        refs = [project.ref for project in self.projects() if project.name == wanted]
        if len(refs) > 1:
            raise UsageError(f"{len(refs)} projects are called {wanted}: name one by its ref: {', '.join(refs)}")
        return refs[0] if refs else wanted

    def create_project(self, body: dict[str, Any]) -> Project:
        """Ask for a project; the answer comes before the run has begun."""
        return self._read("POST", "/v1/projects", Project, json=body)

    def delete_project(self, ref: str) -> None:
        """Ask for the removal of a project."""
        self._request("DELETE", f"/v1/projects/{_segment(ref)}")

    def api_keys(self, ref: str, *, is_revealed: bool) -> list[ApiKey]:
        """The keys of a project; secret ones are masked unless revealed."""
        query = {"reveal": "true"} if is_revealed else {}
        return self._read("GET", f"/v1/projects/{_segment(ref)}/api-keys", list[ApiKey], params=query)

    def studio_access(self, ref: str) -> StudioAccess:
        """Where the project's Studio is, and its password."""
        return self._read("GET", f"/fleet/projects/{_segment(ref)}/studio", StudioAccess)

    def act_on_project(self, ref: str, verb: str, body: dict[str, Any] | None = None) -> Run | None:
        """Ask for a verb of a project; its run, or None when there is nothing to do."""
        return self._read("POST", f"/fleet/projects/{_segment(ref)}/{verb}", Run | None, json=body)  # type: ignore[arg-type]

    def change_project(self, ref: str, body: dict[str, Any]) -> FleetProject:
        """Change a project; the answer comes when it is applied."""
        path = f"/fleet/projects/{_segment(ref)}"
        return self._read("PATCH", path, FleetProject, json=body, timeout=_CHANGE_TIMEOUT)

    def hosts(self) -> list[Host]:
        """The Docker hosts, each with the number of its projects, whosever they are."""
        return self._read("GET", "/fleet/hosts", list[Host])

    def examine(self) -> list[HostReport]:
        """What is not as it should be, by Docker host."""
        return self._read("GET", "/fleet/doctor", list[HostReport])

    def remove_orphan(self, host: str, ref: str) -> Run:
        """Ask for the removal of what an unknown project left on a host."""
        return self._read("DELETE", f"/fleet/hosts/{_segment(host)}/orphans/{_segment(ref)}", Run)

    def cancel_run(self, run_id: str) -> Run:
        """Ask a run to end."""
        return self._read("POST", f"/fleet/runs/{_segment(run_id)}/cancel", Run)

    def tokens(self) -> list[Token]:
        """The personal access tokens of the account."""
        return self._read("GET", "/fleet/account/tokens", list[Token])

    def create_token(self, name: str, expires_in_days: int | None) -> Token:
        """Make a personal access token; the answer holds its text."""
        body = {"name": name} | ({} if expires_in_days is None else {"expires_in_days": expires_in_days})
        return self._read("POST", "/fleet/account/tokens", Token, json=body)

    def revoke_token(self, token_id: int) -> Token:
        """Let a token be worth nothing from now on."""
        return self._read("DELETE", f"/fleet/account/tokens/{token_id}", Token)

    def fleet_projects(self) -> list[FleetProject]:
        """All projects of the token's owner, with their Docker hosts."""
        return self._read("GET", "/fleet/projects", list[FleetProject])

    def fleet_project(self, ref: str) -> FleetProject:
        """A project with what is known of its containers."""
        return self._read("GET", f"/fleet/projects/{_segment(ref)}", FleetProject)

    def run(self, run_id: str) -> Run:
        """The record of one run."""
        return self._read("GET", f"/fleet/runs/{_segment(run_id)}", Run)

    def runs(self, ref: str | None, limit: int) -> list[Run]:
        """Runs that the token's owner may see, of one project or of all, the newest first."""
        query = {"limit": limit} | ({} if ref is None else {"project": ref})
        return self._read("GET", "/fleet/runs", list[Run], params=query)

    def find_newest_run(self, ref: str, kind: RunKind) -> Run | None:
        """The run of this kind that was asked for last for a project, unless it is too old to be kept."""
        runs = self._read("GET", "/fleet/runs", list[Run], params={"project": ref})
        return max((run for run in runs if run.kind == kind), key=lambda run: run.created_at, default=None)

    def newest_run(self, ref: str, kind: RunKind) -> Run:
        """The run of this kind that has just been asked for.

        Raises:
            CommandError: there is none.
        """
        run = self.find_newest_run(ref, kind)
        if run is None:
            raise CommandError(f"the API knows no run {kind} of the project {ref}")
        return run

    @contextmanager
    def open_events(
        self, run_id: str, after: int, silence_seconds: float = _LONGEST_SILENCE_SECONDS
    ) -> Iterator[httpx.Response]:
        """The stream of a run's events behind the one numbered `after`."""
        path = f"/fleet/runs/{_segment(run_id)}/events"
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        with self._open_stream(path, silence_seconds, headers=headers) as answer:
            yield answer

    @contextmanager
    def open_logs(
        self, ref: str, query: dict[str, Any], silence_seconds: float = _LONGEST_SILENCE_SECONDS
    ) -> Iterator[httpx.Response]:
        """The stream of a project's log lines."""
        with self._open_stream(f"/fleet/projects/{_segment(ref)}/logs", silence_seconds, params=query) as answer:
            yield answer

    @contextmanager
    def _open_stream(self, path: str, silence_seconds: float, **request: Any) -> Iterator[httpx.Response]:
        timeout = httpx.Timeout(silence_seconds, connect=5)
        with self._failures_named(), self._http.stream("GET", path, timeout=timeout, **request) as answer:
            if not answer.is_success:
                answer.read()
                raise _refusal(answer)
            yield answer

    def _read(self, method: str, path: str, shape: type[Answer], **request: Any) -> Answer:
        answer = self._request(method, path, **request)
        try:
            return TypeAdapter(shape).validate_json(answer.content)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "the body"
            raise CommandError(
                f"the answer to {method} {path} is not what this version understands ({where}): "
                f"is {self.api_url} a Supafleet API of the same version?"
            ) from error

    def _request(self, method: str, path: str, **request: Any) -> httpx.Response:
        with self._failures_named():
            answer = self._http.request(method, path, **request)
        if not answer.is_success:
            raise _refusal(answer)
        return answer

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise UsageError(f"{self.api_url} is no URL of an API: it must begin with http:// or https://") from error
        except httpx.ReadTimeout as error:
            raise ApiSilentError(self.api_url, "it says nothing") from error
        except httpx.TimeoutException as error:
            raise ApiUnreachableError(self.api_url, "no answer in time") from error
        except httpx.TransportError as error:
            raise ApiUnreachableError(self.api_url, str(error) or type(error).__name__) from error


def is_ready(api_url: str) -> bool:
    """Whether the service at a loopback address says that it can work."""
    try:
        return httpx.get(f"{api_url}/readyz", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def as_document(answer: BaseModel) -> dict[str, Any]:
    """An answer as it came, for `--json`."""
    return answer.model_dump(mode="json")


def _segment(value: str) -> str:
    """A person's word as one segment of a path: `../x` names nothing else than itself."""
    return quote(value, safe="")


def _refusal(answer: httpx.Response) -> ApiRefusalError:
    try:
        document = answer.json()
    except ValueError:
        document = None
    told = document.get("message") if isinstance(document, dict) else None
    message = str(told) if told else f"the API answered {answer.status_code} {answer.reason_phrase}"
    return ApiRefusalError(answer.status_code, message)
