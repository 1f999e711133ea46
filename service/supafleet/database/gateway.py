"""The only way to a project's data: HTTP through the project's own gateway, with the project's own key.

Nothing here can name another project: address and key come from the same row.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import Request

from supafleet.errors import AppError, HostFailed, TooManyRequests, quote

CONNECT_SECONDS = 5.0
#: Above the limits of the database (50 s) and of postgres-meta (55 s), so that theirs are told.
ANSWER_SECONDS = 60.0
#: What one project may keep busy here, however slow its database answers.
MOST_AT_ONCE = 8
MOST_ANSWER_BYTES = 32 * 1024 * 1024

Parameters = Mapping[str, str] | tuple[tuple[str, str], ...]


class GatewayFailed(HostFailed):
    """The project's gateway, or what stands behind it, did not answer as it should."""

    code = "gateway_failed"


class GatewayTimeout(AppError):  # noqa: N818 - a sentence about what happened reads better
    """The answer did not come in time."""

    status_code = 504
    code = "gateway_timeout"


class AnswerTooLarge(AppError):  # noqa: N818 - a sentence about what happened reads better
    """The answer has more bytes than are passed on."""

    code = "answer_too_large"

    def __init__(self) -> None:
        super().__init__(f"The answer is larger than {MOST_ANSWER_BYTES // 1024 // 1024} MiB: ask for less at a time.")


@dataclass(frozen=True)
class ReachedProject:
    """A project that is up: where its gateway answers, and its secrets."""

    ref: str
    url: str
    api_schemas: tuple[str, ...]
    key: str = field(repr=False)
    secrets: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """What a service behind the gateway said."""

    status: int
    media_type: str
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether what was asked for was done."""
        return 200 <= self.status < 300

    @property
    def is_json(self) -> bool:
        """Whether it says of itself that it is JSON."""
        return self.media_type == "application/json" or self.media_type.endswith("+json")

    def document(self) -> Any:
        """The JSON document.

        Raises:
            GatewayFailed: it is none.
        """
        try:
            if self.is_json:
                return json.loads(self.body)
        except ValueError:
            pass
        raise GatewayFailed(f"The project's gateway answered {self.status} with something that is not JSON.")

    def refusal(self) -> Mapping[str, Any]:
        """The members of an error's body; none when it has no such body."""
        try:
            document = json.loads(self.body)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}


class Gateways:
    """Asks the gateways of all projects."""

    def __init__(self, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._answer_seconds = answer_seconds
        self._underway: Counter[str] = Counter()
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            # One project's slow answers must not keep another one waiting for a connection.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        """Give all connections back."""
        await self._client.aclose()

    async def ask(
        self,
        project: ReachedProject,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Parameters | None = None,
        body: Any = None,
    ) -> Answer:
        """Ask the project's gateway with a key of its service role.

        Raises:
            GatewayFailed: it cannot be reached, or refuses the key.
            GatewayTimeout: it does not answer in time.
            TooManyRequests: the project has too many requests underway.
            AnswerTooLarge: more bytes came than are passed on.
        """
        if self._underway[project.ref] >= MOST_AT_ONCE:
            raise TooManyRequests(
                f"Project {quote(project.ref)} has {MOST_AT_ONCE} requests to its database underway, which is "
                "the most: try again.",
                retry_after=1,
            )
        request = self._client.build_request(
            method,
            f"{project.url}{path}",
            headers={
                "apikey": project.key,
                "Authorization": f"Bearer {project.key}",
                "Accept-Encoding": "identity",
                **(headers or {}),
            },
            params=params,
            json=body,
        )
        # Counted only now: what cannot even be put together must not stay counted.
        self._underway[project.ref] += 1
        try:
            async with asyncio.timeout(self._answer_seconds):
                answer = await self._send(request)
        except TimeoutError:
            raise GatewayTimeout(
                f"Project {quote(project.ref)} did not answer within {self._answer_seconds:g} s."
            ) from None
        except httpx.HTTPError as error:
            raise GatewayFailed(
                f"The gateway of project {quote(project.ref)} does not answer ({type(error).__name__})."
            ) from None
        finally:
            self._underway[project.ref] -= 1
            if not self._underway[project.ref]:
                del self._underway[project.ref]
        if answer.status in (401, 403) and path.startswith("/pg/"):
            raise GatewayFailed(f"The gateway of project {quote(project.ref)} refuses the project's own key.")
        return answer

    async def _send(self, request: httpx.Request) -> Answer:
        response = await self._client.send(request, stream=True)
        try:
            chunks, size = [], 0
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > MOST_ANSWER_BYTES:
                    raise AnswerTooLarge
                chunks.append(chunk)
        finally:
            await response.aclose()
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Answer(response.status_code, media_type, b"".join(chunks))


async def get_gateways(request: Request) -> Gateways:
    """The application's way to the gateways."""
    gateways: Gateways = request.app.state.gateways
    return gateways
