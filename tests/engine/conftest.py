"""The fixtures that tests against the real engine ask for."""

from tests.engine.fixtures import docker_engine, namespace, sandbox_images

__all__ = ["docker_engine", "namespace", "sandbox_images"]
