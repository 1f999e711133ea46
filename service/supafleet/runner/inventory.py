"""The inventory of one run: the same file a person would write (`plugin: supafleet`)."""

from typing import Any

import yaml


def inventory_file(installation: str, docker_host: dict[str, Any], project: dict[str, Any]) -> str:
    """YAML with one Docker host and one project on it.

    Strings are plain here: the inventory plugin marks none of them as a template, because it parses the file itself.
    """
    entry = {key: value for key, value in project.items() if key != "ref" and value is not None}
    document = {
        "plugin": "supafleet",
        "installation": installation,
        "docker_hosts": {project["host"]: {key: value for key, value in docker_host.items() if value is not None}},
        "projects": {project["ref"]: entry},
    }
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
