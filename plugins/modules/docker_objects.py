#!/usr/bin/python
"""Create the network and the volumes of a project that Compose expects to be there."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_objects
short_description: Create a network and volumes that are missing
description:
  - Creates all that is asked for in one task, because most of the time of a task is its start.
  - What is there already stays as it is; nothing is ever replaced, since a volume holds data and a network has users.
options:
  network:
    description: Name, subnet, ip_range, gateway and labels of a bridge network.
    type: dict
  volumes:
    description: Name and labels of each volume.
    type: list
    elements: dict
    default: []
author: [Supafleet]
"""

EXAMPLES = r"""
- name: Create the volumes
  docker_objects:
    volumes:
      - name: demo-storage
        labels: {supafleet.project: demo}
"""

RETURN = r"""
created:
  description: Names of the objects that were created, or would be.
  returned: success
  type: list
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.engine_api import Engine, EngineError

ARGUMENTS = {
    "network": {"type": "dict"},
    "volumes": {"type": "list", "elements": "dict", "default": []},
}


def is_there(engine, kind, name):
    try:
        engine.get(f"/{kind}/{name}")
    except EngineError as error:
        if error.status != 404:
            raise
        return False
    return True


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


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    network, volumes = module.params["network"], module.params["volumes"]
    asked = [("networks", network, create_network)] if network else []
    asked += [("volumes", volume, create_volume) for volume in volumes]
    created, what = [], "Supafleet"
    try:
        engine = Engine()
        for kind, wanted, create in asked:
            what = f"{kind[:-1]} {wanted['name']}"
            if not is_there(engine, kind, wanted["name"]):
                if not module.check_mode:
                    create(engine, wanted)
                created.append(wanted["name"])
    except EngineError as error:
        module.fail_json(msg=f"the Docker engine refuses {what}: {error}" if error.status else str(error))
    module.exit_json(changed=bool(created), created=created)


if __name__ == "__main__":
    main()
