"""The inputs of rendering, checked: a project, its secrets, its engine."""

import ipaddress
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from supafleet.flavour import Flavour
from supafleet.stack.addresses import bracketed, gateway_url
from supafleet.stack.errors import RenderError, first_sentence
from supafleet.stack.settings import Line, ProjectSettings, http_url

REF_PATTERN = re.compile(r"[a-z][a-z0-9-]{2,39}")
_VERSION = re.compile(r"\d+\.")
_ABSOLUTE_PATH = re.compile(r"(/[A-Za-z0-9._-]+)+/?")
# Two halves: one for the containers, the top one for the fixed address of the log receiver.
_LONGEST_PREFIX = 27

#: A secret of such a name is a variable of the edge functions; the variable's name follows.
FUNCTION_SECRET_PREFIX = "function_secret."  # noqa: S105 - a name

SECRET_NAMES = (
    "postgres_password",
    "authenticator_password",
    "auth_admin_password",
    "storage_admin_password",
    "functions_admin_password",
    "pgbouncer_password",
    "jwt_secret",
    "anon_key",
    "service_role_key",
    "dashboard_username",
    "dashboard_password",
    "secret_key_base",
    "realtime_db_enc_key",
    "pg_meta_crypto_key",
    "logflare_public_access_token",
    "logflare_private_access_token",
    "logflare_db_encryption_key",
    "phx_secret_key_base",
    "phx_live_view_signing_salt",
    "s3_protocol_access_key_id",
    "s3_protocol_access_key_secret",
    "pgsodium_root_key",
    "files_digest_key",
)


class Project(BaseModel):
    """One project as Ansible sees it; unknown keys are left alone, because inventories may carry more."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    ref: str
    name: Line
    organization_name: Line
    installation: Line
    release: str
    flavour: Flavour
    size: str
    gateway_port: int = Field(ge=1, le=65535)
    subnet: str
    bind_address: str = "127.0.0.1"
    public_url: str = ""
    root: str
    registry_prefix: Line = ""
    settings: ProjectSettings = Field(default_factory=ProjectSettings)

    @field_validator("ref")
    @classmethod
    def _check_ref(cls, value: str) -> str:
        if not REF_PATTERN.fullmatch(value):
            raise ValueError("must be 3 to 40 lower-case letters, digits and hyphens and start with a letter")
        return value

    @field_validator("subnet")
    @classmethod
    def _check_subnet(cls, value: str) -> str:
        try:
            network = ipaddress.IPv4Network(value)
        except ValueError as error:
            raise ValueError("must be an IPv4 network such as 10.213.7.0/24") from error
        if network.prefixlen > _LONGEST_PREFIX:
            raise ValueError(f"must hold at least a /{_LONGEST_PREFIX}, for twelve containers and the log receiver")
        return value

    @field_validator("bind_address")
    @classmethod
    def _check_bind_address(cls, value: str) -> str:
        try:
            ipaddress.ip_address(value)
        except ValueError as error:
            raise ValueError("must be an IP address of the Docker host, for example 127.0.0.1") from error
        return value

    @field_validator("root")
    @classmethod
    def _check_root(cls, value: str) -> str:
        if not _ABSOLUTE_PATH.fullmatch(value):
            raise ValueError("must be an absolute path on the Docker host, of letters, digits, dots, _ and -")
        return value.rstrip("/")

    @field_validator("registry_prefix")
    @classmethod
    def _check_registry_prefix(cls, value: str) -> str:
        if value and (not value.endswith("/") or " " in value):
            raise ValueError("must be empty or end with a slash, for example mirror.example.com/")
        return value

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str) -> str:
        return http_url(value) if value else value

    @property
    def bind_host(self) -> str:
        """The bind address as it stands in a URL or a published port: IPv6 in brackets."""
        return bracketed(self.bind_address)

    @property
    def gateway_url(self) -> str:
        """Address of the gateway as the Docker host itself reaches it."""
        return gateway_url(None, self.bind_address, self.gateway_port)


class Engine(BaseModel):
    """What rendering needs to know of a Docker engine."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: str
    cpus: float = Field(gt=0)
    open_files: int | None = None

    @field_validator("version")
    @classmethod
    def _check_version(cls, value: str) -> str:
        if not _VERSION.match(value):
            raise ValueError("must be a version such as 20.10.24")
        return value

    @property
    def major(self) -> int:
        """The first number of the version."""
        return int(self.version.partition(".")[0])

    @property
    def has_start_interval(self) -> bool:
        """Engines before 25 abort on a health check with a start interval."""
        return self.major >= 25


class Urls(BaseModel):
    """The project's addresses as its services know them."""

    model_config = ConfigDict(frozen=True)

    public: str
    issuer: str
    issuer_path: str


def plain(value: Any) -> Any:
    """`value` as plain dicts, lists and scalars: Ansible hands over subclasses that YAML dumpers refuse."""
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError) as error:
        raise RenderError(f"the project must be made of plain data: {error}") from error


def parse_project(raw: Mapping[str, Any]) -> Project:
    """The project out of plain data, or a RenderError that names the field."""
    try:
        return Project.model_validate({**plain(dict(raw)), "settings": plain(raw.get("settings") or {})})
    except ValidationError as error:
        raise RenderError(first_sentence(error)) from error


def parse_engine(raw: Mapping[str, Any]) -> Engine:
    """The engine's facts out of plain data, or a RenderError that names the field."""
    try:
        return Engine.model_validate(plain(dict(raw)))
    except ValidationError as error:
        raise RenderError(first_sentence(error, "engine")) from error


def parse_secrets(raw: Mapping[str, Any]) -> dict[str, str]:
    """The secrets, all present and non-empty; an error names the missing one and never shows a value."""
    secrets: dict[str, str] = {}
    for name in SECRET_NAMES:
        value = raw.get(name)
        if not isinstance(value, str) or not value:
            raise RenderError(f"the secret {name} is missing")
        secrets[name] = str(value)
    return secrets


def parse_function_secrets(raw: Mapping[str, Any]) -> dict[str, str]:
    """The variables that edge functions see, by name; they stand among the secrets under a prefix."""
    return {
        name.removeprefix(FUNCTION_SECRET_PREFIX): str(raw[name])
        for name in sorted(raw)
        if name.startswith(FUNCTION_SECRET_PREFIX)
    }


def project_urls(project: Project) -> Urls:
    """The public address, as the owner set it or else the gateway's own, and the token issuer that follows from it."""
    gateway = project.public_url or f"http://{project.bind_host}:{project.gateway_port}"
    public = (project.settings.public_url or gateway).rstrip("/")
    issuer = f"{public}/auth/v1"
    return Urls(public=public, issuer=issuer, issuer_path=urlsplit(issuer).path)
