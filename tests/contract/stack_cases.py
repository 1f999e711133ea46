"""The rendered cases that the contract is checked on: one project, with and without settings, on two engines."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from supafleet.keys import generate_project_secrets

OFFICIAL = Path(__file__).parent / "official"
ENGINES = ("20.10.24", "26.1.5")
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
# Every value differs from its default, so that a variable wired to the wrong setting shows. Two settings have no
# official counterpart: the gateway without the legacy keys (`legacy_api_keys`, test_opaque_keys.py), and the mails that
# it answers with (`mail_templates`, test_mail_templates.py).
ALL_SETTINGS: dict[str, Any] = {
    "public_url": "https://shop.example.com",
    "site_url": "https://app.example.com",
    "additional_redirect_urls": "https://one.example.com,https://two.example.com/*",
    "jwt_expiry": 7200,
    "disable_signup": True,
    "mailer_autoconfirm": False,
    "anonymous_users": True,
    "db_schemas": "public,api",
    "db_max_rows": 321,
    "db_extra_search_path": "public,extensions",
    "functions_verify_jwt": True,
    "file_size_limit": 1048576,
    "mcp_allowed_addresses": ["192.0.2.0/24", "198.51.100.7/32"],
    "health_interval": 17,
    "postgres": {"log_statement": "ddl"},
    "environment": {"imgproxy": {"IMGPROXY_QUALITY": "71"}},
    "images": {"meta": "registry.example.com/postgres-meta:v1"},
}


@cache
def official_table(name: str) -> Any:
    """One table under `official/`, read once."""
    return yaml.safe_load((OFFICIAL / name).read_text(encoding="utf-8"))


@cache
def sample_secrets() -> dict[str, str]:
    """One set of secrets for all cases."""
    return generate_project_secrets()


@dataclass(frozen=True)
class Case:
    """One project as it is handed to the renderer."""

    name: str
    engine_version: str
    own_settings: dict[str, Any] = field(default_factory=dict)
    flavour: str = "supabase"
    registry_prefix: str = ""

    @property
    def project(self) -> dict[str, Any]:
        """The project's data, as Ansible holds it."""
        return {
            "ref": "contractsampleprojec",
            "name": "Contract sample",
            "organization_name": "Sample organization",
            "installation": "contract",
            "host": "local",
            "release": "2026.09",
            "flavour": self.flavour,
            "size": "small",
            "gateway_port": 24399,
            "subnet": "10.213.7.0/24",
            "bind_address": "127.0.0.1",
            "public_url": "http://gateway.example.com:24399",
            "root": "/var/lib/supafleet/projects/contractsampleprojec",
            "registry_prefix": self.registry_prefix,
            "settings": self.own_settings,
        }

    @property
    def facts(self) -> dict[str, Any]:
        """The project's data with the address that clients know."""
        project = self.project
        return {**project, "public_url": self.own_settings.get("public_url", project["public_url"])}

    @property
    def engine(self) -> dict[str, Any]:
        """What is known of the engine."""
        return {"version": self.engine_version, "cpus": 2}

    @property
    def settings(self) -> dict[str, Any]:
        """The project's settings over the official defaults."""
        return {**official_table("defaults.yml"), **self.own_settings}

    @property
    def secrets(self) -> dict[str, str]:
        """The project's secrets."""
        return sample_secrets()


CASES = tuple(
    Case(f"{settings_name} on engine {engine}", engine, settings)
    for engine in ENGINES
    for settings_name, settings in (("default settings", {}), ("all settings", ALL_SETTINGS))
)
