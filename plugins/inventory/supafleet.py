"""Inventory plugin: Docker hosts and projects in one YAML file (the logic is supafleet.inventory.layout)."""

import gc
import json

import yaml
from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin

from supafleet.inventory.layout import InventoryError, lay_out, parse_fleet

# Every task is a fork of the playbook's process, and a collection of garbage there walks through all that was loaded
# and so copies it, for nothing: a tenth of a converge (ADR 0013).
gc.freeze()
gc.set_threshold(50_000)

DOCUMENTATION = r"""
name: supafleet
short_description: Docker hosts and the Supabase projects on them
description:
  - Reads one YAML file with O(docker_hosts) and O(projects) and makes the groups C(docker_hosts), C(projects),
    C(on_<host>), C(release_<release>), C(flavour_<flavour>) and C(size_<size>).
options:
  plugin:
    description: Always C(supafleet).
    required: true
    choices: [supafleet]
"""


class InventoryModule(BaseInventoryPlugin):
    """Turns a file that says `plugin: supafleet` into inventory hosts."""

    NAME = "supafleet"

    def verify_file(self, path: str) -> bool:
        if not super().verify_file(path) or not path.endswith((".yml", ".yaml")):
            return False
        with open(path, encoding="utf-8") as file:
            return any(line.strip() == "plugin: supafleet" for line in file)

    def parse(self, inventory, loader, path, cache=True):  # type: ignore[no-untyped-def]
        super().parse(inventory, loader, path, cache)
        try:
            # Plain strings: nothing a person wrote as a name is ever a template.
            data = json.loads(json.dumps(yaml.safe_load(loader.get_text_file_contents(path))))
            layout = lay_out(parse_fleet(data))
        except (InventoryError, yaml.YAMLError) as error:
            raise AnsibleParserError(f"{path}: {error}") from error
        for group, hosts in layout.groups.items():
            self.inventory.add_group(group)
            for host in hosts:
                self.inventory.add_host(host, group)
        for host, variables in layout.hostvars.items():
            for name, value in variables.items():
                self.inventory.set_variable(host, name, value)
