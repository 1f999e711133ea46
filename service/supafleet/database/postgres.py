"""Statements for a project's database, carried by its postgres-meta."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import Any

from supafleet.database.credentials import connection_string, encrypt_connection, literal
from supafleet.database.gateway import Answer, GatewayFailed, Gateways, GatewayTimeout, Parameters, ReachedProject
from supafleet.errors import AppError

#: The reader's password, made at the first read-only query, and a password of the owner that is being changed to.
READER_SECRET = "database.read_only_password"  # noqa: S105 - a name
NEXT_SECRET = "database.next_password"  # noqa: S105 - a name
_OWNER_SECRET = "postgres_password"  # noqa: S105 - a name

_STATEMENT_SECONDS = 50
_SQLSTATE = re.compile(r"[0-9A-Z]{5}")
_LOGIN_REFUSED = ("28P01", "28000")
#: All that is told of it where postgres-meta leaves the code out, which is everywhere but at a query.
_LOGIN_REFUSED_WORDS = "password authentication failed for user "
_PLACEHOLDER = re.compile(r":'(\w+)'")


class DatabaseRefused(AppError):  # noqa: N818 - a sentence about what happened reads better
    """Postgres answered a statement with an error."""

    code = "database_refused"

    def __init__(self, sentence: str, sqlstate: str | None = None) -> None:
        super().__init__(sentence)
        self.sqlstate = sqlstate


class LoginRefused(GatewayFailed):
    """Postgres does not let the role in."""

    code = "login_refused"


@dataclass(frozen=True)
class _Session:
    user: str
    database: str
    options: tuple[str, ...]


# What a client may have set for a role or for the database must not change what our own statements mean.
_PINNED = ("search_path=pg_catalog", "standard_conforming_strings=on")


class Login(Enum):
    """As whom, and how, a statement is run."""

    OWNER = _Session("postgres", "postgres", ())
    READER = _Session(
        "supabase_read_only_user",
        "postgres",
        ("default_transaction_read_only=on", "standard_conforming_strings=on"),
    )
    CATALOGUE = _Session("postgres", "postgres", (*_PINNED, "default_transaction_read_only=on"))
    ADMINISTRATOR = _Session("supabase_admin", "postgres", (*_PINNED, "default_transaction_read_only=off"))
    LOGS = _Session("supabase_admin", "_supabase", (*_PINNED, "default_transaction_read_only=on"))


@cache
def statement(name: str) -> str:
    """A statement of ours by the name of its file."""
    return files("supafleet.database").joinpath("sql", f"{name}.sql").read_text()


def fill(template: str, **values: str | None) -> str:
    """A statement that cannot take parameters, with a literal for each `:'name'`."""
    return _PLACEHOLDER.sub(lambda found: _literal_or_null(values[found[1]]), template)


def connection_header(project: ReachedProject, login: Login, password: str) -> dict[str, str]:
    """The header that tells postgres-meta as whom to connect."""
    session = login.value
    options = (*session.options, f"statement_timeout={_STATEMENT_SECONDS}s")
    text = connection_string(session.user, password, session.database, options)
    return {"x-connection-encrypted": encrypt_connection(text, project.secrets["pg_meta_crypto_key"])}


def passwords_of(project: ReachedProject, login: Login) -> list[str]:
    """The passwords that may be the role's, the likelier first.

    While the owner's password is being changed, Postgres knows either the old or the new one.
    """
    if login is Login.READER:
        return [project.secrets[READER_SECRET]] if READER_SECRET in project.secrets else []
    named = (project.secrets[_OWNER_SECRET], project.secrets.get(NEXT_SECRET))
    return [password for password in named if password is not None]


async def run(
    gateways: Gateways, project: ReachedProject, login: Login, query: str, parameters: Sequence[Any] | None = None
) -> bytes:
    """Run a query; its rows as a JSON array, in the bytes that came.

    Raises:
        DatabaseRefused: Postgres answered with an error.
        LoginRefused: no known password is the role's.
        GatewayFailed: the project's gateway or database cannot be reached.
        GatewayTimeout: no answer came in time.
    """
    body: dict[str, Any] = {"query": query}
    if parameters:
        body["parameters"] = list(parameters)
    answer = await connected(gateways, project, login, "POST", "/pg/query", body=body)
    if not answer.is_json or not answer.body.startswith(b"["):
        raise GatewayFailed("The project's postgres-meta answered a query with something that is not rows.")
    return answer.body


async def rows(
    gateways: Gateways, project: ReachedProject, login: Login, query: str, parameters: Sequence[Any] | None = None
) -> list[dict[str, Any]]:
    """Run a query of ours; its rows. Raises what `run` raises."""
    found: list[dict[str, Any]] = json.loads(await run(gateways, project, login, query, parameters))
    return found


async def connected(
    gateways: Gateways,
    project: ReachedProject,
    login: Login,
    method: str,
    path: str,
    *,
    params: Parameters | None = None,
    body: Any = None,
) -> Answer:
    """Ask postgres-meta for something it does in a session of this login; the answer is a success.

    Raises:
        DatabaseRefused: Postgres answered with an error.
        LoginRefused: no known password is the role's.
        GatewayFailed: the project's gateway or database cannot be reached.
        GatewayTimeout: no answer came in time.
    """
    answer = await answered(gateways, project, login, method, path, params=params, body=body)
    if answer.status != 200:
        raise _error(answer)
    return answer


async def answered(
    gateways: Gateways,
    project: ReachedProject,
    login: Login,
    method: str,
    path: str,
    *,
    params: Parameters | None = None,
    body: Any = None,
) -> Answer:
    """What postgres-meta answers in a session of this login, a refusal too.

    Raises:
        LoginRefused: no known password is the role's.
        GatewayFailed, GatewayTimeout, TooManyRequests, AnswerTooLarge: as `Gateways.ask`.
    """
    for password in passwords_of(project, login):
        headers = connection_header(project, login, password)
        answer = await gateways.ask(project, method, path, headers=headers, params=params, body=body)
        if answer.is_success or not isinstance(_error(answer), LoginRefused):
            return answer
    raise LoginRefused(f"The database of project '{project.ref}' does not let the role {login.value.user} in.")


def _error(answer: Answer) -> AppError:
    members = answer.refusal()
    told = members.get("message") or members.get("error")
    words = told.strip() if isinstance(told, str) else ""
    code = members.get("code")
    if isinstance(code, str) and _SQLSTATE.fullmatch(code) and "severity" in members:
        # A statement of the client can raise any code, but its text then says where: a login has no place in it.
        if code in _LOGIN_REFUSED and members.get("severity") == "FATAL":
            return LoginRefused(words)
        formatted = members.get("formattedError")
        exact = formatted.rstrip() if isinstance(formatted, str) else words
        return DatabaseRefused(f"Failed to run sql query: {exact}", code)
    if code is None and words.startswith(_LOGIN_REFUSED_WORDS):
        return LoginRefused(words)
    if words == "Query read timeout" or answer.status == 408:
        return GatewayTimeout("The project's database did not answer in time.")
    if answer.status == 413:
        return AppError("query: is longer than the project's postgres-meta takes, 3 MB in all.")
    if answer.status == 400 and code == "RESULT_SIZE_EXCEEDED":
        return AppError(words)
    if answer.status == 400 and words and (code is None or str(code).startswith("ERR_")) and "onnect" not in words:
        return AppError(f"Failed to run sql query: {words}")
    return GatewayFailed(f"The project's database cannot be reached: postgres-meta answered {answer.status}.")


def _literal_or_null(value: str | None) -> str:
    return "null" if value is None else literal(value)
