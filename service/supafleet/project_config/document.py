"""The whole configuration of a project as one document, as the second version of the API tells it."""

import re
from typing import Any

from supafleet.project_config import auth, data_api, postgres, realtime, storage
from supafleet.stack.settings import ProjectSettings

_CAPITAL = re.compile(r"[A-Z]")


def describe(settings: ProjectSettings, ref: str, postgres_engine: str) -> dict[str, Any]:
    """The values of a `ConfigDocument`."""
    told = storage.read(settings, ref).model_dump()
    return {
        "data": {
            "type": "project_config",
            "id": ref,
            "attributes": {
                "database": {
                    "major_version": int(postgres_engine),
                    "ssl_enforced": False,
                    "network_restrictions": {"entitlement": "disallowed", "status": "applied", "allowed_cidrs": []},
                    "postgres_settings": postgres.read_flat(settings),
                },
                "auth": auth.read_variables(settings, ref),
                "api": data_api.read(settings, ref).model_dump(),
                "realtime": realtime.read(settings, ref),
                "storage": {
                    "file_size_limit": told["fileSizeLimit"],
                    "features": _with_underscores(told["features"]),
                    "capabilities": told["capabilities"],
                    "upstream_target": told["external"]["upstreamTarget"],
                    "migration_version": told["migrationVersion"],
                },
            },
        }
    }


def _with_underscores(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    return {
        _CAPITAL.sub(lambda found: f"_{found[0].lower()}", name): _with_underscores(value)
        for name, value in tree.items()
    }
