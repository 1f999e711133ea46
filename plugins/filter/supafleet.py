"""Filters of the roles: thin adapters to the tested package."""

import json
from functools import lru_cache
from pathlib import Path

from supafleet.content import content_root
from supafleet.explanation import explain_failure
from supafleet.sandbox import content_digest
from supafleet.stack.gateway import plan_gateway
from supafleet.stack.objects import plan_network, plan_volumes
from supafleet.stack.project import parse_project
from supafleet.stack.render import render_project
from supafleet.stack.settings import SERVICES, environment_values

SHORTEST_SECRET = 8


def _plain(value):  # type: ignore[no-untyped-def]
    """Ansible's tagged strings and lazy containers as plain Python."""
    return json.loads(json.dumps(value))


def rendered(project, secrets, engine):  # type: ignore[no-untyped-def]
    """Arguments of compose_project: files, secret_files, modes."""
    return _rendered(json.dumps(project), json.dumps(secrets), json.dumps(engine))


@lru_cache(maxsize=8)  # a task refers to the same rendering once for each of its arguments
def _rendered(project, secrets, engine):  # type: ignore[no-untyped-def]
    result = render_project(json.loads(project), json.loads(secrets), json.loads(engine), content_root())
    return {
        "files": {name: file.content for name, file in result.files.items() if not file.secret},
        "secret_files": {name: file.content for name, file in result.files.items() if file.secret},
        "modes": {name: file.mode for name, file in result.files.items()},
        "images": result.images,
    }


def network(project):  # type: ignore[no-untyped-def]
    return plan_network(parse_project(project))


def volumes(project):  # type: ignore[no-untyped-def]
    return plan_volumes(parse_project(project))


def services(_project):  # type: ignore[no-untyped-def]
    return list(SERVICES)


def gateway_url(project):  # type: ignore[no-untyped-def]
    return parse_project(project).gateway_url


def gateway_keys(project, secrets):  # type: ignore[no-untyped-def]
    """The keys of anon and service_role that the gateway takes now."""
    plan = plan_gateway(_plain(secrets), parse_project(project).settings.legacy_api_keys)
    return {"anon": plan.anon, "service_role": plan.service_role}


def secret_values(secrets, project):  # type: ignore[no-untyped-def]
    """Values long enough to be blotted out without blotting out ordinary words."""
    values = {*_plain(secrets).values(), *environment_values(_plain(project)["settings"])}
    return sorted(value for value in values if len(value) >= SHORTEST_SECRET and value != "supabase")


def failure(observation, message, project, images):  # type: ignore[no-untyped-def]
    return explain_failure(_plain(observation), str(message), _plain(project), _plain(images))


def sandbox_digest(_anything):  # type: ignore[no-untyped-def]
    return content_digest(Path(content_root()))


class FilterModule:
    """Names as the roles use them."""

    def filters(self):  # type: ignore[no-untyped-def]
        return {
            "supafleet_rendered": rendered,
            "supafleet_network": network,
            "supafleet_volumes": volumes,
            "supafleet_services": services,
            "supafleet_gateway_url": gateway_url,
            "supafleet_gateway_keys": gateway_keys,
            "supafleet_secret_values": secret_values,
            "supafleet_failure": failure,
            "supafleet_sandbox_digest": sandbox_digest,
        }
