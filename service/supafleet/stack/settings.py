"""The settings of one project: the same model for the API, the inventory and rendering."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from supafleet.stack.errors import first_sentence
from supafleet.stack.mail_templates import LONGEST_TEMPLATE, MAILS

SERVICES = (
    "db",
    "kong",
    "auth",
    "rest",
    "realtime",
    "storage",
    "imgproxy",
    "meta",
    "functions",
    "analytics",
    "vector",
    "studio",
)

# A value of one of these would break the project in a way that no error message of the image explains.
REFUSED_ENVIRONMENT = {
    ("db", "POSTGRES_USER"): "the image creates its roles with its own value",
    ("db", "USE_DBMATE"): "the image would skip the start-up files",
    ("rest", "PGRST_APP_SETTINGS_JWT_SECRET"): "any SQL user could read the signing secret",
    ("studio", "NEXT_PUBLIC_IS_PLATFORM"): "Studio would look for the hosted platform",
}
# These are part of the topology: mounts, health checks and other services rely on them.
REFUSED_POSTGRES = {
    "config_file",
    "data_directory",
    "external_pid_file",
    "hba_file",
    "ident_file",
    "listen_addresses",
    "port",
    "unix_socket_directories",
}
_APP_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/[^\s,]*")
_ENVIRONMENT_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_POSTGRES_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?")
_SCHEMA_LIST = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\s*,\s*[A-Za-z_][A-Za-z0-9_$]*)*")
_IMAGE = re.compile(r"[a-z0-9]+([._:/-]+[a-z0-9]+)*:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}(@sha256:[0-9a-f]{64})?")


class SettingsError(ValueError):
    """Settings are not valid; the message is one sentence that names the setting and what is allowed."""


def one_line(value: str) -> str:
    """`value`, refused when it holds a line break or another control character."""
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ValueError("may not hold line breaks or other control characters")
    return _unicode(value)


def _unicode(value: str) -> str:
    if any(0xD800 <= ord(character) <= 0xDFFF for character in value):
        raise ValueError("must be valid Unicode text")
    return value


def http_url(value: str) -> str:
    """`value`, refused when it is not an absolute http or https URL without spaces."""
    try:
        parts = urlsplit(one_line(value))
        is_usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and " " not in value
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ValueError("must be a URL that starts with http:// or https://")
    return value


def _app_url(value: str) -> str:
    """Of a page or, with a scheme of its own, of a program on a telephone."""
    if not _APP_URL.fullmatch(one_line(value)):
        raise ValueError("must be a URL such as https://app.example.com or myapp://callback, without commas and spaces")
    return http_url(value) if value.lower().startswith(("http:", "https:")) else value


def _schema_list(value: str) -> str:
    if not _SCHEMA_LIST.fullmatch(one_line(value)):
        raise ValueError("must be a comma-separated list of schema names, for example public,graphql_public")
    return value


def _served_schemas(value: str) -> str:
    return value if value == "" else _schema_list(value)


def _address(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError as error:
        raise ValueError("must be an IP address or a network such as 203.0.113.0/24") from error
    return value


def _template(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty: leave it out for Auth's own text")
    if any(character < " " and character not in "\t\n\r" for character in value):
        raise ValueError("may not hold control characters other than tabs and line breaks")
    return _unicode(value)


def _scalar_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Line = Annotated[str, AfterValidator(one_line)]
HttpUrl = Annotated[str, AfterValidator(http_url)]
AppUrl = Annotated[str, AfterValidator(_app_url)]
SchemaList = Annotated[str, AfterValidator(_schema_list)]
ServedSchemas = Annotated[str, AfterValidator(_served_schemas)]
Address = Annotated[str, AfterValidator(_address)]
MailTemplate = Annotated[str, Field(max_length=LONGEST_TEMPLATE), AfterValidator(_template)]
ScalarText = Annotated[str, BeforeValidator(_scalar_text), AfterValidator(one_line)]


def _known_service(service: str) -> None:
    if service not in SERVICES:
        raise ValueError(f"{service!r} is not a service; the services are {', '.join(SERVICES)}")


class ProjectSettings(BaseModel):
    """What an owner may choose for a project; every setting has a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    public_url: HttpUrl | None = Field(
        default=None,
        description="Where clients reach the gateway when something stands in front of it, such as "
        "https://shop.example.com of a proxy. Unset: http:// with the host's public_address and the gateway's port.",
    )
    site_url: AppUrl = Field(
        default="http://localhost:3000",
        description="URL of the owner's application, a page or a deep link such as myapp://callback; default redirect.",
    )
    additional_redirect_urls: Line = Field(
        default="", description="Comma-separated URLs that Auth may redirect to; globs allowed."
    )
    jwt_expiry: int = Field(default=3600, ge=60, le=604800, description="Life of an access token in seconds.")
    disable_signup: bool = Field(default=False, description="Refuse new users.")
    mailer_autoconfirm: bool | None = Field(
        default=None,
        description="Confirm e-mail addresses without a mail. "
        "Unset: true until `environment.auth.GOTRUE_SMTP_HOST` names a mail server.",
    )
    mail_templates: dict[str, MailTemplate] = Field(
        default_factory=dict,
        description="HTML of Auth's mails by name (`invite`, `confirmation`, `recovery`, ...), with "
        "`{{ .ConfirmationURL }}` and Auth's other values; a mail without one has Auth's own text.",
    )
    anonymous_users: bool = Field(default=False, description="Allow anonymous sign-ins.")
    db_schemas: ServedSchemas = Field(
        default="public,graphql_public",
        description="Schemas served by the Data API (REST and GraphQL); the first is the default. Empty: it is off.",
    )
    db_max_rows: int = Field(default=1000, ge=0, le=1_000_000, description="Most rows of one REST answer.")
    db_extra_search_path: SchemaList = Field(
        default="public", description="Schemas added to the search path of REST requests."
    )
    functions_verify_jwt: bool = Field(default=False, description="Edge functions require a valid JWT.")
    legacy_api_keys: bool = Field(
        default=True, description="The gateway takes the JWT keys anon and service_role, beside opaque keys."
    )
    file_size_limit: int = Field(
        default=52_428_800, ge=1, le=5 * 1024**4, description="Largest upload to Storage in bytes."
    )
    mcp_allowed_addresses: list[Address] = Field(
        default_factory=list, description="Addresses that may use the gateway's /mcp route; when empty it answers 403."
    )
    health_interval: int = Field(
        default=5,
        ge=5,
        le=300,
        description="Seconds between two health checks of a service. Every 5 seconds they cost a host a fifth of a "
        "core for each project. An engine before version 25 also waits this long for the first one.",
    )
    postgres: dict[str, ScalarText] = Field(
        default_factory=dict, description="Postgres settings for the server's command line, for example work_mem: 16MB."
    )
    environment: dict[str, dict[str, ScalarText]] = Field(
        default_factory=dict, description="Extra or overriding environment variables per service."
    )
    images: dict[str, str] = Field(default_factory=dict, description="Another image, with its tag, for a service.")

    @field_validator("mail_templates")
    @classmethod
    def _check_mails(cls, value: dict[str, str]) -> dict[str, str]:
        for mail in value:
            if mail not in MAILS:
                raise ValueError(f"{mail!r} is not a mail; the mails are {', '.join(MAILS)}")
        return value

    @field_validator("postgres")
    @classmethod
    def _check_postgres(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not _POSTGRES_NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r} must be a Postgres setting's name: lower-case letters, digits, _ and one dot"
                )
            if name in REFUSED_POSTGRES:
                raise ValueError(f"{name!r} is fixed by the topology and cannot be set")
        return value

    @field_validator("environment")
    @classmethod
    def _check_environment(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for service, variables in value.items():
            _known_service(service)
            for name in variables:
                if not _ENVIRONMENT_NAME.fullmatch(name):
                    raise ValueError(f"{name!r} of {service} must be a name of capital letters, digits and _")
                if reason := REFUSED_ENVIRONMENT.get((service, name)):
                    raise ValueError(f"{name!r} of {service} cannot be set: {reason}")
        return value

    @field_validator("images")
    @classmethod
    def _check_images(cls, value: dict[str, str]) -> dict[str, str]:
        for service, image in value.items():
            _known_service(service)
            if not _IMAGE.fullmatch(image):
                raise ValueError(
                    f"{image!r} of {service} must be an image with its tag, such as supabase/gotrue:v2.196.0"
                )
        return value

    @property
    def served_schemas(self) -> tuple[str, ...]:
        """What `db_schemas` names; nothing while the Data API is off."""
        return tuple(name.strip() for name in self.db_schemas.split(",")) if self.db_schemas else ()

    @property
    def confirms_automatically(self) -> bool:
        """Whether Auth confirms addresses itself: as set, else as long as there is no mail server to ask for it."""
        if self.mailer_autoconfirm is not None:
            return self.mailer_autoconfirm
        return "GOTRUE_SMTP_HOST" not in self.environment.get("auth", {})


def environment_values(settings: Mapping[str, Any]) -> set[str]:
    """The values of the variables that an owner gave the services: nobody tells which of them hold a password.

    Args:
        settings: those of a project, as plain data.
    """
    environment: Mapping[str, Mapping[str, Any]] = settings.get("environment", {})
    return {str(value) for variables in environment.values() for value in variables.values()}


def parse_settings(raw: Mapping[str, Any]) -> ProjectSettings:
    """Settings out of plain data.

    Raises:
        SettingsError: with one sentence that names the setting and what is allowed.
    """
    try:
        return ProjectSettings.model_validate(dict(raw))
    except ValidationError as error:
        raise SettingsError(first_sentence(error, "settings")) from error
