"""Which image each service runs."""

from collections.abc import Mapping
from pathlib import Path

from supafleet import sandbox
from supafleet.stack.project import Project


def choose_images(project: Project, official: Mapping[str, str], content_root: Path) -> dict[str, str]:
    """The image of each service: the owner's own, else the flavour's.

    The registry prefix goes before official images only: an own image is spelled in full, and stand-ins are built
    on the host.
    """
    if project.flavour == "sandbox":
        digest = sandbox.content_digest(content_root)
        images = {service: sandbox.image_reference(service, project.release, digest) for service in official}
    else:
        images = {service: f"{project.registry_prefix}{image}" for service, image in official.items()}
    return {**images, **project.settings.images}
