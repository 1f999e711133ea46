"""A release: its images, its services, its sizes, read from data and checked."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from supafleet.stack.documents import read_yaml
from supafleet.stack.errors import RenderError, first_sentence
from supafleet.stack.settings import SERVICES

_ROLE = Path("roles") / "project_stack"


class Mount(BaseModel):
    """One mount: a path of the project's folder, or a volume, at a path of the container."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: str
    source: str = ""
    volume: str = ""
    read_only: bool = False


class Service(BaseModel):
    """One service of a release as its data file has it: string leaves are templates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    environment: dict[str, str]
    healthcheck: dict[str, Any]
    command: list[str] | None = None
    entrypoint: list[str] | None = None
    mounts: list[Mount] = []
    depends_on: list[str] = []
    ports: list[str] = []
    aliases: list[str] = []
    ulimits: dict[str, int] = {}
    shm_size: str | None = None
    stop_grace_period: str | None = None
    no_new_privileges: bool = True


class Limits(BaseModel):
    """Ceilings of one service in one size."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    memory: str
    cpus: float
    pids: int


class Size(BaseModel):
    """A project's size: limits per service and the knobs that belong to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kong_worker_processes: int
    postgres: dict[str, str]
    limits: dict[str, Limits]


class Release(BaseModel):
    """A tested set of images together with its topology."""

    model_config = ConfigDict(frozen=True)

    name: str
    folder: Path
    images: dict[str, str]
    services: dict[str, Service]

    def text(self, path: str) -> str:
        """The text of one of the release's files."""
        return (self.folder / path).read_text(encoding="utf-8")


def releases_folder(content_root: Path) -> Path:
    """The folder with one folder per release."""
    return content_root / _ROLE / "releases"


def release_names(content_root: Path) -> list[str]:
    """The releases that can be rendered, oldest first."""
    return sorted(path.parent.name for path in releases_folder(content_root).glob("*/release.yml"))


def load_release(content_root: Path, name: str) -> Release:
    """The release of that name, or a RenderError that lists those there are."""
    known = release_names(content_root)
    if name not in known:
        raise RenderError(f"release: {name!r} does not exist; the releases are {', '.join(known)}")
    folder = releases_folder(content_root) / name
    head = read_yaml(folder / "release.yml")
    services = {}
    for service in head["services"]:
        try:
            services[service] = Service.model_validate(read_yaml(folder / "services" / f"{service}.yml"))
        except ValidationError as error:
            raise RenderError(first_sentence(error, f"{name}/services/{service}.yml")) from error
    if set(services) != set(SERVICES) or set(head["images"]) != set(SERVICES):
        raise RenderError(f"{name}/release.yml must name exactly the services {', '.join(SERVICES)}")
    return Release(name=name, folder=folder, images=head["images"], services=services)


def load_sizes(content_root: Path) -> dict[str, Size]:
    """All sizes by name."""
    try:
        return {name: Size.model_validate(data) for name, data in read_yaml(content_root / _ROLE / "sizes.yml").items()}
    except ValidationError as error:
        raise RenderError(first_sentence(error, "sizes.yml")) from error


def size_names(content_root: Path) -> list[str]:
    """The sizes in the order of the file, smallest first."""
    return list(load_sizes(content_root))


def load_size(content_root: Path, name: str) -> Size:
    """The size of that name, or a RenderError that lists those there are."""
    sizes = load_sizes(content_root)
    if name not in sizes:
        raise RenderError(f"size: {name!r} does not exist; the sizes are {', '.join(sizes)}")
    return sizes[name]
