"""The inventory of one run: the same file a person would write (`plugin: supafleet`)."""

from typing import Any

import yaml


def inventory_file(
    installation: str, host: str, docker_host: dict[str, Any], projects: dict[str, dict[str, Any]]
) -> str:
    """YAML with one Docker host and the projects that the run is about, by ref; none for a run on the host itself.

    Strings are plain here: the inventory plugin marks none of them as a template, because it parses the file itself.
    """
    entries = {
        ref: {key: value for key, value in project.items() if key != "ref" and value is not None}
        for ref, project in projects.items()
    }
    document = {
        "plugin": "supafleet",
        "installation": installation,
        "docker_hosts": {host: {key: value for key, value in docker_host.items() if value is not None}},
        "projects": entries,
    }
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
