"""One project's folder, rendered: every file, the Compose data, the objects that must exist beforehand."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supafleet.stack.auth_environment import complete_auth_environment
from supafleet.stack.compose import ComposeInputs, build_compose
from supafleet.stack.digest import files_digest
from supafleet.stack.documents import dump_yaml, read_yaml
from supafleet.stack.environment_file import format_environment
from supafleet.stack.errors import RenderError
from supafleet.stack.gateway import plan_gateway
from supafleet.stack.images import choose_images
from supafleet.stack.mail_templates import template_routes
from supafleet.stack.network import plan_addresses
from supafleet.stack.objects import plan_network, plan_volumes
from supafleet.stack.project import (
    Project,
    parse_engine,
    parse_function_secrets,
    parse_project,
    parse_secrets,
    plain,
    project_urls,
)
from supafleet.stack.release import Release, Service, load_release, load_size
from supafleet.stack.templating import render_text, render_tree

_MODE = "0644"
_PRIVATE_MODE = "0600"
#: Read by functions/main/index.ts, which gives each of them to the functions.
_FUNCTION_SECRETS = "FUNCTION_SECRETS"
#: Whose folder it is, for whoever finds it when nothing else is left of the project.
_OWNER_FILE = "installation"
# Folders that services write to or that must be there although no rendered file is in them.
_EMPTY_FOLDERS = ("snippets",)


@dataclass(frozen=True)
class RenderedFile:
    """One file of a project's folder; `secret` files are never shown in a diff."""

    content: str
    mode: str = _MODE
    secret: bool = False


@dataclass(frozen=True)
class RenderedProject:
    """Everything a role needs to make a project be as described; paths are relative to the project's folder."""

    files: dict[str, RenderedFile]
    directories: list[str]
    compose: dict[str, Any]
    images: dict[str, str]
    volumes: list[dict[str, Any]]
    network: dict[str, Any]


def render_project(
    project: Mapping[str, Any], secrets: Mapping[str, Any], engine: Mapping[str, Any], content_root: Path
) -> RenderedProject:
    """Render one project; the same inputs give the same bytes.

    Raises:
        RenderError: an input is missing or not allowed; the message is one sentence and shows no secret.
    """
    subject, facts, keys = parse_project(project), parse_engine(engine), parse_secrets(secrets)
    release, size = load_release(content_root, subject.release), load_size(content_root, subject.size)
    addresses = plan_addresses(subject.subnet)
    context = {
        "project": subject,
        "settings": subject.settings,
        "secrets": keys,
        "engine": facts,
        "size": size,
        "urls": project_urls(subject),
        "mail_template_routes": template_routes(subject.settings.mail_templates),
        "gateway": plan_gateway({**plain(dict(secrets)), **keys}, subject.settings.legacy_api_keys),
    }
    files = {
        **_environment_files(subject, release, context, parse_function_secrets(plain(dict(secrets)))),
        **_release_files(release, context),
        "db/pgsodium_root.key": RenderedFile(keys["pgsodium_root_key"], secret=True),
        _OWNER_FILE: RenderedFile(f"{subject.installation}\n"),
    }
    images = choose_images(subject, release.images, content_root)
    digests = {
        name: files_digest(keys["files_digest_key"], _mounted_files(service, files))
        for name, service in release.services.items()
    }
    compose = build_compose(ComposeInputs(subject, release, size, facts, addresses, images, digests, context))
    files["compose.yml"] = RenderedFile(dump_yaml(compose, "Rendered by Supafleet: changes made here are overwritten."))
    return RenderedProject(
        files=dict(sorted(files.items())),
        directories=sorted({str(Path(path).parent) for path in files} - {"."} | set(_EMPTY_FOLDERS) | {"functions"}),
        compose=compose,
        images=images,
        volumes=plan_volumes(subject),
        network=plan_network(subject),
    )


def _environment_files(
    project: Project, release: Release, context: Mapping[str, Any], function_secrets: Mapping[str, str]
) -> dict[str, RenderedFile]:
    files = {}
    for name, service in release.services.items():
        variables = {
            variable: render_text(template, context, f"{name}.yml environment.{variable}")
            for variable, template in service.environment.items()
        }
        chosen = project.settings.environment.get(name, {})
        if name == "auth":
            chosen = complete_auth_environment(chosen, project_urls(project).issuer, project.settings.mail_templates)
        variables.update(chosen)
        if name == "functions" and function_secrets:
            # One variable of JSON text: a secret may hold line breaks and have the name of a variable of the runtime.
            variables[_FUNCTION_SECRETS] = json.dumps(function_secrets, ensure_ascii=True, sort_keys=True)
        files[f"env/{name}.env"] = RenderedFile(format_environment(name, variables), _PRIVATE_MODE, secret=True)
    return files


def _release_files(release: Release, context: Mapping[str, Any]) -> dict[str, RenderedFile]:
    heading = f"Rendered by Supafleet for release {release.name}: changes made here are overwritten."
    files = {}
    for path, name in (("kong/kong.yml", "kong.yml"), ("vector/vector.yml", "vector.yml")):
        tree = render_tree(read_yaml(release.folder / name), context, name)
        files[path] = RenderedFile(dump_yaml(tree, heading), secret=path == "kong/kong.yml")
    for source in sorted((release.folder / "sql").glob("*.sql")):
        files[f"db/{source.name}"] = RenderedFile(source.read_text(encoding="utf-8"))
    files["functions/main/index.ts"] = RenderedFile(release.text("functions/main/index.ts"))
    return files


def _mounted_files(service: Service, files: Mapping[str, RenderedFile]) -> dict[str, str]:
    """The rendered files that a service sees: those it mounts, and those in folders it mounts."""
    mounted = {}
    for mount in service.mounts:
        if not mount.source:
            continue
        found = {
            path: file.content
            for path, file in files.items()
            if path == mount.source or path.startswith(f"{mount.source}/")
        }
        if not found and mount.source not in _EMPTY_FOLDERS:
            raise RenderError(f"{mount.source} is mounted at {mount.target} but no such file is rendered")
        mounted.update(found)
    return mounted
