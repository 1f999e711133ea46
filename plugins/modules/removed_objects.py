#!/usr/bin/python
"""Remove the containers, networks and volumes of a project."""

from __future__ import annotations

DOCUMENTATION = r"""
module: removed_objects
short_description: Remove everything on the engine that carries a project's labels
description:
  - Removes containers, then volumes, then networks, all in one task. What is gone already is no error.
  - Waits first for containers that Docker is just starting again, and takes the containers off their network one after
    the other. Where several leave it at once on a busy host, Docker 20.10 was seen to lose count of its endpoints, and
    to refuse its removal until the engine was restarted (moby/moby#42119).
extends_documentation_fragment: [project_work.project, project_work.lock]
author: [Supafleet]
"""

EXAMPLES = r"""
- name: Remove what is left of a project
  removed_objects:
    project: demo
    installation: default
    lock: {data_root: /var/lib/supafleet, project: demo, run: "4711"}
"""

RETURN = r"""
removed:
  description: Names of what was removed, or would be.
  returned: success
  type: list
"""

import concurrent.futures
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.engine_api import Engine, EngineError
from ansible.module_utils.host_lock import LOCK_ARGUMENT, RefusedError, kept_alive
from ansible.module_utils.host_view import brief_view, chosen_by, networks_and_volumes

ARGUMENTS = {
    "project": {"type": "str", "required": True},
    "installation": {"type": "str", "required": True},
    "lock": LOCK_ARGUMENT,
}
# A restart takes a second or two. What restarts for ever is between two attempts most of the time.
RESTART_SECONDS = 4
LOOK_SECONDS = 0.2
# A container that somebody else is removing too.
REMOVAL_SECONDS = 20
# The engine answers when the last file of a volume is gone: for a large one on a slow disk after a long time.
VOLUME_SECONDS = 1800


class InUseError(Exception):
    """Something of the project cannot be removed; the message tells what uses it."""


def settled_containers(engine, chosen):
    """Docker's short list of the containers, once none of them is being started again."""
    deadline = time.monotonic() + RESTART_SECONDS
    entries = brief_view(engine, chosen)
    while any(entry["State"] == "restarting" for entry in entries) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        entries = brief_view(engine, chosen)
    return entries


def take_off(engine, entries, networks):
    """No two leave a network at once, which is what makes the engine lose count; then all can be removed at once."""
    for network in networks:
        for entry in entries:
            try:
                body = {"Container": entry["Id"], "Force": True}
                engine.post("/networks/" + network["name"] + "/disconnect", body)
            except EngineError as error:
                # It was never on it, or is gone: whatever is in the way is told by the removal.
                if not error.status:
                    raise


def remove_container(entry):
    engine, deadline = Engine(), time.monotonic() + REMOVAL_SECONDS
    while True:
        try:
            engine.delete("/containers/" + entry["Id"], force=1, v=1)
        except EngineError as error:
            if error.status == 404:
                return
            if error.status != 409 or time.monotonic() > deadline:
                raise
            time.sleep(LOOK_SECONDS)
        else:
            return


def remove_network(engine, name):
    try:
        users = [user["Name"] for user in engine.get("/networks/" + name)["Containers"].values()]
        if users:
            raise InUseError(
                f"network {name} is used by {', '.join(sorted(users))}, which is not of this project: take it off the "
                "network with `docker network disconnect`, then delete the project again"
            )
        engine.delete("/networks/" + name)
    except EngineError as error:
        if error.status == 403:
            raise InUseError(
                f"network {name} cannot be removed, for the engine counts endpoints that are not there: restart the "
                f"engine, then delete the project again (Docker: {error})"
            ) from error
        if error.status != 404:
            raise


def remove_volume(engine, name):
    try:
        engine.delete("/volumes/" + name, takes_seconds=VOLUME_SECONDS, force=1)
    except EngineError as error:
        if error.status == 409:
            raise InUseError(
                f"volume {name} is in use by a container that is not of this project: remove that container, then "
                f"delete the project again (Docker: {error})"
            ) from error
        if error.status != 404:
            raise


def remove(engine, entries, networks, volumes):
    if entries:
        take_off(engine, entries, networks)
        with concurrent.futures.ThreadPoolExecutor(max_workers=len(entries)) as pool:
            list(pool.map(remove_container, entries))
    # Networks last: others may use one, and then at least the data are gone.
    for volume in volumes:
        remove_volume(engine, volume["name"])
    for network in networks:
        remove_network(engine, network["name"])


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    chosen = chosen_by(module.params["project"], module.params["installation"])
    try:
        engine = Engine()
        entries = brief_view(engine, chosen) if module.check_mode else settled_containers(engine, chosen)
        networks, volumes = networks_and_volumes(engine, chosen)
        if not module.check_mode:
            with kept_alive(module.params["lock"]):
                remove(engine, entries, networks, volumes)
    except (EngineError, InUseError, RefusedError, OSError) as error:
        module.fail_json(msg=str(error))
    names = [entry["Names"][0].lstrip("/") for entry in entries] + [one["name"] for one in networks + volumes]
    module.exit_json(changed=bool(names), removed=sorted(names))


if __name__ == "__main__":
    main()
