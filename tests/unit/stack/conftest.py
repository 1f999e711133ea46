"""One project to render, and a way to render it with changes."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from supafleet.content import content_root
from supafleet.keys import generate_project_secrets
from supafleet.stack.render import RenderedProject, render_project

PROJECT: dict[str, Any] = {
    "ref": "stacksampleproject",
    "name": "Stack sample",
    "organization_name": "Sample organization",
    "installation": "test-stack",
    "host": "local",
    "release": "2026.09",
    "flavour": "supabase",
    "size": "micro",
    "gateway_port": 24321,
    "subnet": "10.213.7.0/24",
    "bind_address": "127.0.0.1",
    "public_url": "http://127.0.0.1:24321",
    "root": "/var/lib/supafleet/projects/stacksampleproject",
    "registry_prefix": "",
    "settings": {},
}
ENGINE = {"version": "20.10.24", "cpus": 2}


@pytest.fixture(scope="session")
def secrets() -> dict[str, str]:
    return generate_project_secrets()


@pytest.fixture
def render(secrets) -> Callable[..., RenderedProject]:
    """Renders the sample project; `engine` and `secrets` replace those facts, anything else a key of the project."""

    def render_with(engine=None, own_secrets=None, **changes) -> RenderedProject:
        facts = {**secrets, **(own_secrets or {})}
        return render_project({**PROJECT, **changes}, facts, {**ENGINE, **(engine or {})}, content_root())

    return render_with


@pytest.fixture
def kong(render) -> Callable[..., dict[str, Any]]:
    """The rendered declarative file of the gateway as data."""
    return lambda **changes: yaml.safe_load(render(**changes).files["kong/kong.yml"].content)
