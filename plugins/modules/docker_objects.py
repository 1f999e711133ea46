#!/usr/bin/python
"""Create the network and the volumes of a project that Compose expects to be there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_objects
short_description: Create a network and volumes that are missing
description:
  - Creates all that is asked for in one task, because most of the time of a task is its start.
  - What is there already stays as it is; nothing is ever replaced, since a volume holds data and a network has users.
    It has to carry the labels; what somebody else made under the same name is refused.
options:
  network:
    description: Name, subnet, ip_range, gateway and labels of a bridge network.
    type: dict
  volumes:
    description: Name and labels of each volume.
    type: list
    elements: dict
    default: []
extends_documentation_fragment: [project_work.lock]
author: [Supafleet]
"""

EXAMPLES = r"""
- name: Create the volumes
  docker_objects:
    volumes:
      - name: demo-storage
        labels: {supafleet.project: demo}
    lock: {data_root: /var/lib/supafleet, project: demo, run: "4711"}
"""

RETURN = r"""
created:
  description: Names of the objects that were created, or would be.
  returned: success
  type: list
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.engine_api import Engine, EngineError
from ansible.module_utils.host_lock import LOCK_ARGUMENT, RefusedError, kept_alive

ARGUMENTS = {
    "network": {"type": "dict"},
    "volumes": {"type": "list", "elements": "dict", "default": []},
    "lock": LOCK_ARGUMENT,
}


def is_there(engine, kind, wanted):
    name = wanted["name"]
    try:
        found = engine.get(f"/{kind}/{name}")
    except EngineError as error:
        if error.status != 404:
            raise
        return False
    if (wanted["labels"] or {}).items() <= (found["Labels"] or {}).items():
        return True
    what = kind[:-1]
    raise RefusedError(
        f"{what} {name} exists and does not carry the labels of this project: remove it with `docker {what} rm {name}` "
        "if nobody needs it, or choose another ref"
    )


def create_network(engine, network):
    addresses = {"Subnet": network["subnet"], "IPRange": network["ip_range"], "Gateway": network["gateway"]}
    wanted = {
        "Name": network["name"],
        # Engines before 25 would otherwise make a second network of the same name.
        "CheckDuplicate": True,
        "Driver": "bridge",
        "IPAM": {"Driver": "default", "Config": [addresses]},
        "Labels": network["labels"],
    }
    engine.post("/networks/create", wanted)


def create_volume(engine, volume):
    engine.post("/volumes/create", {"Name": volume["name"], "Labels": volume["labels"]})


def missing(engine, asked):
    return [(kind, wanted, create) for kind, wanted, create in asked if not is_there(engine, kind, wanted)]


def create_all(engine, absent):
    for kind, wanted, create in absent:
        try:
            create(engine, wanted)
        except EngineError as error:
            if not error.status:
                raise
            raise EngineError(f"the Docker engine refuses {kind[:-1]} {wanted['name']}: {error}") from error


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    network, volumes = module.params["network"], module.params["volumes"]
    asked = [("networks", network, create_network)] if network else []
    asked += [("volumes", volume, create_volume) for volume in volumes]
    try:
        engine = Engine()
        absent = missing(engine, asked)  # all are looked at before the first is made
        if not module.check_mode:
            with kept_alive(module.params["lock"]):
                create_all(engine, absent)
    except (EngineError, RefusedError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(absent), created=[wanted["name"] for _, wanted, _ in absent])


if __name__ == "__main__":
    main()
