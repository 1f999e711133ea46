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

import traceback

from ansible.module_utils.common.text.converters import to_text
from ansible_collections.community.docker.plugins.module_utils._api.errors import APIError, DockerException, NotFound
from ansible_collections.community.docker.plugins.module_utils.common_api import AnsibleDockerClient, RequestException

ARGUMENTS = {
    "network": {"type": "dict"},
    "volumes": {"type": "list", "elements": "dict", "default": []},
}


def is_there(client, kind, name):
    try:
        client.get_json("/{0}/{1}", kind, name)
    except NotFound:
        return False
    return True


def create_network(client, network):
    addresses = {"Subnet": network["subnet"], "IPRange": network["ip_range"], "Gateway": network["gateway"]}
    wanted = {
        "Name": network["name"],
        # Engines before 25 would otherwise make a second network of the same name.
        "CheckDuplicate": True,
        "Driver": "bridge",
        "IPAM": {"Driver": "default", "Config": [addresses]},
        "Labels": network["labels"],
    }
    client.post_json("/networks/create", data=wanted)


def create_volume(client, volume):
    client.post_json("/volumes/create", data={"Name": volume["name"], "Labels": volume["labels"]})


def main():
    client = AnsibleDockerClient(argument_spec=ARGUMENTS, supports_check_mode=True)
    network, volumes = client.module.params["network"], client.module.params["volumes"]
    asked = [("networks", network, create_network)] if network else []
    asked += [("volumes", volume, create_volume) for volume in volumes]
    created, what = [], ""
    try:
        for kind, wanted, create in asked:
            what = f"{kind[:-1]} {wanted['name']}"
            if not is_there(client, kind, wanted["name"]):
                if not client.check_mode:
                    create(client, wanted)
                created.append(wanted["name"])
    except APIError as error:
        client.fail(f"the Docker engine refuses {what}: {to_text(error.explanation or error)}")
    except (DockerException, RequestException) as error:
        client.fail(f"the Docker engine did not answer: {to_text(error)}", exception=traceback.format_exc())
    client.module.exit_json(changed=bool(created), created=created)


if __name__ == "__main__":
    main()
