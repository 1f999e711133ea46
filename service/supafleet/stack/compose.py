"""The Compose file of one project, built from the release's data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from supafleet.stack.network import Addresses
from supafleet.stack.project import Engine, Project
from supafleet.stack.release import Mount, Release, Service, Size
from supafleet.stack.templating import render_text, render_tree

LABEL_PREFIX = "supafleet"
LOG_PORT = 24224
# Volumes that hold a project's data, and the service that owns each. Roles make them, so that no Compose command can
# delete them.
DATA_VOLUMES = {"db-data": "db", "db-config": "db", "storage": "storage"}
CACHE_VOLUMES = {"deno-cache": "functions"}
# Events kept per container while the log receiver is away; the engine's own default is about a million.
_LOG_BUFFER_EVENTS = "16384"
_LOCAL_LOG_SIZE = {"max-size": "10m", "max-file": "3"}
_START_PERIOD = "60s"


@dataclass(frozen=True)
class ComposeInputs:
    """All that the Compose file is made of."""

    project: Project
    release: Release
    size: Size
    engine: Engine
    addresses: Addresses
    images: Mapping[str, str]
    digests: Mapping[str, str]
    context: Mapping[str, Any]


def object_labels(project: Project, service: str | None = None) -> dict[str, str]:
    """Labels of a network or volume: no release among them, because labels of these cannot be changed later."""
    labels = {f"{LABEL_PREFIX}.installation": project.installation, f"{LABEL_PREFIX}.project": project.ref}
    if service:
        labels[f"{LABEL_PREFIX}.service"] = service
    return labels


def build_compose(inputs: ComposeInputs) -> dict[str, Any]:
    """The Compose file as data; every dollar sign is doubled, because Compose expands the others."""
    project = inputs.project
    compose = {
        "name": project.ref,
        "services": {name: _service(inputs, name, service) for name, service in inputs.release.services.items()},
        "networks": {"default": {"name": project.ref, "external": True}},
        "volumes": {
            **{volume: {"name": f"{project.ref}-{volume}", "external": True} for volume in DATA_VOLUMES},
            **{
                volume: {"name": f"{project.ref}-{volume}", "labels": object_labels(project, service)}
                for volume, service in CACHE_VOLUMES.items()
            },
        },
    }
    escaped: dict[str, Any] = _escape(compose)
    return escaped


def _service(inputs: ComposeInputs, name: str, service: Service) -> dict[str, Any]:
    project, place = inputs.project, f"{name}.yml"
    definition: dict[str, Any] = {
        "image": inputs.images[name],
        "pull_policy": "never" if project.flavour == "sandbox" else "missing",
        "container_name": f"{project.ref}-{name}",
        "restart": "unless-stopped",
    }
    if service.entrypoint is not None:
        definition["entrypoint"] = service.entrypoint
    if command := _command(inputs, name, service):
        definition["command"] = command
    definition["env_file"] = [f"./env/{name}.env"]
    if service.depends_on:
        definition["depends_on"] = {other: {"condition": "service_healthy"} for other in service.depends_on}
    definition["healthcheck"] = _healthcheck(
        inputs, name, render_tree(service.healthcheck, inputs.context, f"{place} healthcheck")
    )
    if service.ports:
        definition["ports"] = [render_text(port, inputs.context, f"{place} ports") for port in service.ports]
    if service.mounts:
        definition["volumes"] = [_mount(project, mount) for mount in service.mounts]
    if network := _network(inputs, name, service):
        definition["networks"] = {"default": network}
    if service.ulimits:
        # An engine that may not raise limits (no CAP_SYS_RESOURCE) starts no container that asks for more than its own.
        bounded = {limit: min(value, inputs.engine.open_files or value) for limit, value in service.ulimits.items()}
        definition["ulimits"] = {limit: {"soft": value, "hard": value} for limit, value in bounded.items()}
    for key in ("shm_size", "stop_grace_period"):
        if value := getattr(service, key):
            definition[key] = value
    if service.no_new_privileges:
        definition["security_opt"] = ["no-new-privileges:true"]
    definition["deploy"] = {"resources": {"limits": _limits(inputs, name)}}
    definition["logging"] = _logging(inputs, name)
    definition["labels"] = {
        **object_labels(project, name),
        f"{LABEL_PREFIX}.release": project.release,
        f"{LABEL_PREFIX}.files": inputs.digests[name],
    }
    return definition


def _command(inputs: ComposeInputs, name: str, service: Service) -> list[str]:
    command = [render_text(word, inputs.context, f"{name}.yml command") for word in service.command or []]
    if name == "db":
        # Words on the command line win over every file, and the owner's over the size's.
        for setting, value in sorted({**inputs.size.postgres, **inputs.project.settings.postgres}.items()):
            command += ["-c", f"{setting}={value}"]
    return command


def _healthcheck(inputs: ComposeInputs, name: str, healthcheck: dict[str, Any]) -> dict[str, Any]:
    # A failure while a container boots on a busy machine says nothing yet; a container that ends is noticed at once.
    patient = {**healthcheck, "start_period": _START_PERIOD}
    # The database is what the others wait for: it says at once that it is ready.
    if name != "db" and "health_interval" in inputs.project.settings.model_fields_set:
        patient["interval"] = f"{inputs.project.settings.health_interval}s"
    if inputs.engine.has_start_interval:
        # Readiness shows within a second instead of an interval.
        patient["start_interval"] = "1s"
    return patient


def _mount(project: Project, mount: Mount) -> dict[str, Any]:
    if mount.volume:
        rendered: dict[str, Any] = {"type": "volume", "source": mount.volume, "target": mount.target}
    else:
        # The full path, so that a copy rendered elsewhere to predict changes has the same config hash. A missing
        # file stops the start instead of becoming an empty directory.
        rendered = {
            "type": "bind",
            "source": f"{project.root}/{mount.source}",
            "target": mount.target,
            "bind": {"create_host_path": False},
        }
    if mount.read_only:
        rendered["read_only"] = True
    return rendered


def _network(inputs: ComposeInputs, name: str, service: Service) -> dict[str, Any]:
    network: dict[str, Any] = {}
    if service.aliases:
        network["aliases"] = list(service.aliases)
    if name == "vector":
        network["ipv4_address"] = inputs.addresses.log_receiver
    return network


def _limits(inputs: ComposeInputs, name: str) -> dict[str, Any]:
    limits = inputs.size.limits[name]
    # The engine refuses a container with more CPUs than it has.
    return {"cpus": f"{min(limits.cpus, inputs.engine.cpus):g}", "memory": limits.memory, "pids": limits.pids}


def _logging(inputs: ComposeInputs, name: str) -> dict[str, Any]:
    if name == "vector":
        return {"driver": "json-file", "options": dict(_LOCAL_LOG_SIZE)}
    return {
        "driver": "fluentd",
        "options": {
            "fluentd-address": f"tcp://{inputs.addresses.log_receiver}:{LOG_PORT}",
            "fluentd-async": "true",
            "fluentd-buffer-limit": _LOG_BUFFER_EVENTS,
            "fluentd-sub-second-precision": "true",
            # The engine's own copy, which `docker logs` shows.
            "cache-max-size": _LOCAL_LOG_SIZE["max-size"],
            "cache-max-file": _LOCAL_LOG_SIZE["max-file"],
        },
    }


def _escape(tree: Any) -> Any:
    if isinstance(tree, str):
        return tree.replace("$", "$$")
    if isinstance(tree, Mapping):
        return {key: _escape(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_escape(item) for item in tree]
    return tree
