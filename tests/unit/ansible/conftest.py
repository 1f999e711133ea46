"""The modules' shared code is not a package: it is loaded from its path, as Ansible ships it to a host."""

import importlib.util
from types import ModuleType

import pytest

from supafleet.content import content_root


def _load(name: str) -> ModuleType:
    path = content_root() / "plugins" / "module_utils" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def observation() -> ModuleType:
    return _load("observation")


@pytest.fixture(scope="session")
def host_lock() -> ModuleType:
    return _load("host_lock")


@pytest.fixture(scope="session")
def compose_job() -> ModuleType:
    return _load("compose_job")


@pytest.fixture(scope="session")
def log_lines() -> ModuleType:
    return _load("log_lines")


@pytest.fixture(scope="session")
def log_cursor() -> ModuleType:
    return _load("log_cursor")
