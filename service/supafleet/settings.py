"""All settings of the service: one class, one prefix, read from the environment."""

import os
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from supafleet.flavour import Flavour

PLACEHOLDER_MARKS = ("change", "placeholder", "example", "secret", "replace", "default")
_LEAST_DISTINCT_CHARACTERS = 12
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")

Seconds = Annotated[float, Field(gt=0)]

#: What it takes at most to notice that a lease is over, and to kill what its grace did not end.
KILLING_SECONDS = 5.0


def default_data_dir() -> Path:
    """Where the service keeps its database and keys when nothing is set."""
    if os.geteuid() == 0:
        return Path("/var/lib/supafleet-service")
    return Path.home() / ".local" / "share" / "supafleet"


_PREFIX = "SUPAFLEET_"


def variable_of(name: str) -> str:
    """The environment variable of the setting of this name."""
    return f"{_PREFIX}{name.upper()}"


class Settings(BaseSettings):
    """Settings of the service; every one is `SUPAFLEET_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="ignore", validate_default=True)

    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder of the database, the master key and the owner's token. Back it up. "
        "Unset: /var/lib/supafleet-service for root, else ~/.local/share/supafleet.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="sqlite:////path/file or postgresql://user:password@host/name. Unset: control.sqlite in data_dir.",
    )
    master_key: SecretStr | None = Field(
        default=None,
        description="Keys that encrypt secrets at rest, separated by commas, the newest first. "
        "Unset: the file master.key in data_dir, made at the first start.",
    )
    listen_host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    listen_port: int = Field(default=8600, ge=1, le=65535, description="Port the API listens on.")
    public_url: str | None = Field(
        default=None, description="Address clients reach the API at. Unset: made of listen_host and listen_port."
    )
    installation: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9-]{2,39}$",
        description="Name of this installation; every Docker object carries it, so that two never mix. The first start "
        "on a database stores it there, and a later one with another name is refused. Unset: the stored name; at the "
        "first start local- and six random hexadecimal digits.",
    )
    project_domain: str = Field(
        default="localhost",
        description="Domain of projects: the API tells `db.<ref>.<project_domain>` as database host.",
    )
    default_release: str = Field(default="2026.09", description="Release of a project that asks for none.")
    default_flavour: Flavour = Field(
        default="sandbox", description="Flavour of a project that asks for none: official images or stand-ins."
    )
    default_size: str = Field(default="micro", description="Size of a project that asks for none.")
    registry_prefix: str = Field(
        default="", description="Put before every official image, such as mirror.example.com/; must end with a slash."
    )
    # Below 32768: Linux takes the ports above for outgoing connections, and a gateway could find its own taken.
    local_port_first: int = Field(
        default=24321, ge=1024, le=65535, description="First gateway port of the local Docker host, at first start."
    )
    local_port_last: int = Field(
        default=24820, ge=1024, le=65535, description="Last gateway port of the local Docker host, at first start."
    )
    local_subnet_pool: str = Field(
        default="10.213.0.0/16", description="Pool of project subnets on the local Docker host, at first start."
    )
    owner_email: str = Field(default="owner@localhost", description="Address of the account made at first start.")
    organization_name: str = Field(
        default="My organization", description="Name of the organization made at first start."
    )
    observation_interval_seconds: Seconds = Field(
        default=30, description="Pause between two looks at a Docker host, all its projects at once."
    )
    observation_deadline_seconds: Seconds = Field(
        default=100, description="Age at which what was seen of a project no longer counts and UNKNOWN is served."
    )
    heal_limit: int = Field(
        default=5, ge=0, description="Heals of a project in a row before a person is needed; 0: never heal."
    )
    heal_pause_seconds: Seconds = Field(
        default=10, description="Pause before the second heal in a row; each further one is twice as long."
    )
    heal_reset_seconds: Seconds = Field(
        default=600, description="A project that stays well for this long after a heal starts anew with its count."
    )
    health_max_age_seconds: float = Field(
        default=3.0, ge=0, description="The health endpoint looks again when the last sighting is older than this."
    )
    embedded_worker: bool = Field(
        default=True,
        description="Whether `supafleet serve` carries out runs, too. With false, which needs PostgreSQL, it only asks "
        "for them, and `supafleet worker` carries them out.",
    )
    worker_slots: int = Field(default=2, ge=1, description="Playbook runs at the same time in this process.")
    host_run_limit: int = Field(default=4, ge=1, description="Playbook runs at the same time on one Docker host.")
    run_timeout_seconds: Seconds = Field(default=1800, description="A run that takes longer is ended and fails.")
    run_grace_seconds: Seconds = Field(default=8, description="Time a cancelled playbook has before it is killed.")
    worker_beat_seconds: Seconds = Field(default=5, description="Pause between two heartbeats of a worker.")
    worker_lease_seconds: Seconds = Field(
        default=35, description="A playbook whose worker gives no sign for this long ends itself."
    )
    worker_dead_seconds: Seconds = Field(
        default=60,
        description="A worker without heartbeat for this long is dead; others take its runs. "
        "More than worker_lease_seconds, run_grace_seconds and 5 seconds together: by then its playbooks have ended.",
    )
    log_readers: int = Field(default=8, ge=1, description="Readers of logs at the same time in this process.")
    run_retention_days: int = Field(default=90, ge=1, description="Finished runs and their events are kept this long.")
    signup_enabled: bool = Field(
        default=False, description="Whether anybody may make an account; with false it takes an invitation."
    )
    rate_limit_per_token: int = Field(
        default=120,
        ge=0,
        description="Requests a minute with one token; a stream is one, probes and the document are none. Counted by "
        "each process of the service for itself; 0: no limit.",
    )
    rate_limit_per_address: int = Field(
        default=600, ge=0, description="The same from one address (of IPv6: one /64), whatever the token; 0: no limit."
    )
    cors_origins: Annotated[list[str], NoDecode] = Field(
        default=[],
        description="Origins of pages that may use the API from a browser, separated by commas, such as "
        "https://studio.example.com.",
    )
    audit_retention_days: int = Field(default=365, ge=1, description="The record of changes is kept this long.")
    run_dir: Path | None = Field(
        default=None, description="Folder of the runs' private files, best on tmpfs. Unset: /dev/shm or data_dir."
    )
    log_format: Literal["json", "console"] = Field(default="json", description="Form of the service's log lines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severity that is logged."
    )

    @field_validator("master_key")
    @classmethod
    def _refuse_placeholder(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and is_placeholder(value.get_secret_value()):
            raise ValueError("is a placeholder; unset it to have a key made, or set a key made by the service")
        return value

    @field_validator("registry_prefix")
    @classmethod
    def _end_with_slash(cls, value: str) -> str:
        if value and not value.endswith("/"):
            raise ValueError("must end with a slash")
        return value

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _name_each_origin(cls, value: list[str]) -> list[str]:
        if not all(_ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError("must name each origin as https://host or http://host:port, without a path or a *")
        return value

    @field_validator("observation_deadline_seconds")
    @classmethod
    def _outlive_two_looks(cls, value: float, info: ValidationInfo) -> float:
        if value <= 2 * info.data.get("observation_interval_seconds", 0):
            raise ValueError("must be more than twice observation_interval_seconds")
        return value

    @field_validator("worker_dead_seconds")
    @classmethod
    def _outlive_the_playbooks(cls, value: float, info: ValidationInfo) -> float:
        lease, grace = (info.data.get(name, 0) for name in ("worker_lease_seconds", "run_grace_seconds"))
        if value <= lease + grace + KILLING_SECONDS:
            raise ValueError(
                f"must be more than worker_lease_seconds, run_grace_seconds and {KILLING_SECONDS:g} seconds together: "
                "until then a playbook of the dead worker may still be at work"
            )
        return value

    @field_validator("data_dir")
    @classmethod
    def _make_absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @cached_property
    def resolved_database_url(self) -> str:
        """The database's URL, the default filled in."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir / 'control.sqlite'}"

    @property
    def resolved_installation(self) -> str:
        """The name of the installation, which a start has settled."""
        if self.installation is None:
            raise RuntimeError("the name of the installation was used before a start had settled it")
        return self.installation

    @property
    def resolved_public_url(self) -> str:
        """Where clients reach the API."""
        return (self.public_url or f"http://{self.listen_host}:{self.listen_port}").rstrip("/")

    @property
    def master_key_file(self) -> Path:
        """File with the master keys, one a line, the newest first."""
        return self.data_dir / "master.key"

    @property
    def owner_token_file(self) -> Path:
        """File with the access token of the first account."""
        return self.data_dir / "owner-token"


def is_placeholder(value: str) -> bool:
    """Whether a key is empty or looks like text from a sample file."""
    lowered = value.strip().lower()
    return len(set(lowered)) < _LEAST_DISTINCT_CHARACTERS or any(mark in lowered for mark in PLACEHOLDER_MARKS)
