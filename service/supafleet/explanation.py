"""Why bringing up a project failed, in one sentence a person can act on."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

_MISSING_IMAGE = re.compile(
    r"(No such image|pull access denied|manifest unknown|manifest for|failed to resolve|repository does not exist|"
    r"Head \"https?://|Get \"https?://|dial tcp|not found: manifest|no such host|TLS handshake|connection refused|"
    r"unauthorized|error from registry|no basic auth|toomanyrequests|pull rate limit)",
    re.IGNORECASE,
)
_PORT_TAKEN = re.compile(r"(port is already allocated|address already in use)", re.IGNORECASE)
_NO_SPACE = re.compile(r"no space left on device", re.IGNORECASE)


def explain_failure(
    observation: Mapping[str, Any], message: str, project: Mapping[str, Any], images: Mapping[str, str]
) -> str:
    """One sentence on the first cause, followed by the last log lines of the sick services.

    Args:
        observation: result of docker_observation with `sick`, `containers`, `phases` and perhaps `log_tails`.
        message: what Compose said, or an empty string.
        project: the project's variables.
        images: image of each service.
    """
    sick = list(observation.get("sick", []))
    present = {container["service"]: container for container in observation.get("containers", [])}
    # What the host lacks is no fault of a service that happens to be unwell beside it.
    is_of_the_host = (observation.get("job") or {}).get("failed") and any(
        cause.search(message) for cause in (_PORT_TAKEN, _NO_SPACE, _MISSING_IMAGE)
    )
    if not is_of_the_host and any(service in present for service in sick):
        return _explain_services([service for service in sick if service in present], present, observation)
    absent = [service for service in images if observation["phases"].get(service) == "missing"]
    return _explain_compose(message, project, images, absent)


def _explain_services(sick: list[str], present: Mapping[str, Any], observation: Mapping[str, Any]) -> str:
    # A service that died explains the ones that only wait for it.
    order = {"restarting": 0, "exited": 1, "created": 2, "unhealthy": 3}
    sick = sorted(sick, key=lambda service: order.get(observation["phases"].get(service, ""), 4))
    sentences = [_describe(service, present[service], observation["phases"].get(service, "")) for service in sick]
    lines = []
    for service in sick:
        tail = observation.get("log_tails", {}).get(service)
        if tail:
            lines.append(f"last lines of {service}:\n{tail}")
    return "\n".join(["; ".join(sentences), *lines])


def _describe(service: str, container: Mapping[str, Any], phase: str) -> str:
    if container.get("error"):
        return f"service {service} could not be started: {container['error']}"
    if phase == "unhealthy":
        return f"service {service} is unhealthy: its health check failed {container['failed_checks']} times in a row"
    if phase == "starting":
        return f"service {service} keeps ending at its start and was restarted {container['restart_count']} times"
    ending = "ran out of memory" if container.get("out_of_memory") else f"ended with exit code {container['exit_code']}"
    if container.get("restart_count"):
        return f"service {service} {ending} and was restarted {container['restart_count']} times"
    return f"service {service} {ending}"


def _explain_compose(message: str, project: Mapping[str, Any], images: Mapping[str, str], absent: Sequence[str]) -> str:
    said = _last_words(message)
    if _PORT_TAKEN.search(message):
        return (
            f"port {project['gateway_port']} on {project['bind_address']} is taken by another process: "
            f"choose another gateway port or stop it (Docker: {said})"
        )
    if _NO_SPACE.search(message):
        return f"the disk of the Docker host is full: free some space and run again (Docker: {said})"
    if _MISSING_IMAGE.search(message):
        which = _which_images(message, images, absent)
        if project["flavour"] == "sandbox":
            return f"{which} is not on the Docker host: run playbooks/sandbox_images.yml there (Docker: {said})"
        return (
            f"{which} cannot be pulled: check the registry, set registry_prefix "
            "(of the service: SUPAFLEET_REGISTRY_PREFIX) to a mirror, "
            f"or use the flavour sandbox, which needs no registry (Docker: {said})"
        )
    return f"Docker Compose failed: {said}" if said else "Docker Compose ended before every service was there"


def _which_images(message: str, images: Mapping[str, str], absent: Sequence[str]) -> str:
    """The images that are told of; where none is, those of the services that are not there."""
    told = [service for service, image in images.items() if image in message] or absent
    named = [f"{images[service]} (service {service})" for service in told]
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""
    return (", ".join(named[:3]) or "an image of the release") + more


def _last_words(message: str) -> str:
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    return lines[-1] if lines else ""
