#!/usr/bin/python
"""Take or give back the host's lock of a project, with its leases of port and subnet."""

from __future__ import annotations

DOCUMENTATION = r"""
module: project_lock
short_description: The host's lock and leases of a project
description:
  - V(state=held) takes the project's lock for a run, ends a Compose process that an earlier run left working on the
    project, looks at what there is of the project, and records the leases. V(state=released) gives the lock back.
  - The look is made here, under the lock and in the same task, because most of the time of a task is its start.
  - A refusal names who holds the lock or the lease, doing what, since when. What another installation made under the
    same ref is refused too, whatever the run wants to do with it.
options:
  state:
    description: What is wanted.
    type: str
    choices: [held, released]
    default: held
  project:
    description: Ref of the project.
    type: str
    required: true
  installation:
    description: Name of the installation that owns the project.
    type: str
    required: true
  run:
    description: Id of the run; the same run may take its lock again.
    type: str
    required: true
  kind:
    description: What the run does, for a refusal's sentence.
    type: str
    default: project_create
  actor:
    description: Who started the run, for a refusal's sentence.
    type: str
    default: ""
  data_root:
    description: Folder of Supafleet's own data on the host.
    type: path
    default: /var/lib/supafleet
  project_root:
    description: Folder of the project on the host.
    type: path
    required: true
  leases:
    description: What the project occupies on the host, by kind, such as a port and a subnet.
    type: dict
  expected:
    description: Services of the project, for the phases in the observation.
    type: list
    elements: str
    default: []
  publishes:
    description: O(publishes.service), O(publishes.address) and O(publishes.port) of the service that clients reach.
      While it does not run, nothing else may listen there; that is checked before anything is made.
    type: dict
  return_leases:
    description: With V(state=released), also give the leases back.
    type: bool
    default: false
author: [Supafleet]
"""

EXAMPLES = r"""
- name: Take the lock
  project_lock:
    project: demo
    installation: default
    run: "4711"
    project_root: /var/lib/supafleet/projects/demo
"""

RETURN = r"""
ended:
  description: How many left-over Compose processes were ended.
  returned: always
  type: int
observation:
  description: What C(docker_observation) returns, seen under the lock.
  returned: with V(state=held)
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.compose_job import end_leftover_compose
from ansible.module_utils.engine_api import Engine, EngineError
from ansible.module_utils.host_lock import (
    RefusedError,
    lock_is_held,
    port_is_free,
    release_lock,
    return_leases,
    take_leases,
    take_lock,
)
from ansible.module_utils.host_view import chosen_by, whole_view

ARGUMENTS = {
    "state": {"type": "str", "choices": ["held", "released"], "default": "held"},
    "project": {"type": "str", "required": True},
    "installation": {"type": "str", "required": True},
    "run": {"type": "str", "required": True},
    "kind": {"type": "str", "default": "project_create"},
    "actor": {"type": "str", "default": ""},
    "data_root": {"type": "path", "default": "/var/lib/supafleet"},
    "project_root": {"type": "path", "required": True},
    "leases": {"type": "dict"},
    "expected": {"type": "list", "elements": "str", "default": []},
    "publishes": {"type": "dict"},
    "return_leases": {"type": "bool", "default": False},
}


def refuse_what_others_made(observation, project, installation):
    for kind in ("containers", "networks", "volumes"):
        for thing in observation[kind]:
            if thing["installation"] != installation:
                owner = thing["installation"]
                made_by = f"was made by installation {owner}" if owner else "names no installation that made it"
                raise RefusedError(
                    f"{kind[:-1]} {thing['name']} has the label of project {project} and {made_by}, while this run is "
                    f"of installation {installation}: work on it from there, or choose another ref"
                )


def refuse_a_taken_port(listener, phases):
    if phases.get(listener["service"]) not in ("missing", "created", "exited"):
        return  # the project's own
    address, port = listener["address"], listener["port"]
    if not port_is_free(address, int(port)):
        raise RefusedError(
            f"port {port} on {address} is taken by another process on this host: choose another gateway port or stop it"
        )


def hold(module, owner):
    wanted = module.params
    if not module.check_mode:
        holder = {"run": wanted["run"], "kind": wanted["kind"], "actor": wanted["actor"] or "somebody"}
        take_lock(wanted["data_root"], wanted["project"], holder)
    ended = 0 if module.check_mode else end_leftover_compose(wanted["project_root"])
    changed = False
    try:
        observation = whole_view(Engine(), chosen_by(wanted["project"]), wanted["expected"])
        refuse_what_others_made(observation, wanted["project"], wanted["installation"])
        if wanted["publishes"]:
            refuse_a_taken_port(wanted["publishes"], observation["phases"])
        if wanted["leases"]:
            changed = take_leases(wanted["data_root"], owner, wanted["leases"], check_only=module.check_mode)
    except (RefusedError, EngineError):
        if not module.check_mode:
            release_lock(wanted["data_root"], wanted["project"], wanted["run"])
        raise
    return {"changed": changed, "ended": ended, "observation": observation}


def release(module, owner):
    wanted = module.params
    if not module.check_mode and not lock_is_held(wanted["data_root"], wanted["project"], wanted["run"]):
        return {"changed": False, "ended": 0}  # the lock was refused, so nothing here is ours to end or to give back
    ended = 0 if module.check_mode else end_leftover_compose(wanted["project_root"])
    changed = wanted["return_leases"] and return_leases(wanted["data_root"], owner, check_only=module.check_mode)
    if not module.check_mode:
        release_lock(wanted["data_root"], wanted["project"], wanted["run"])
    return {"changed": changed, "ended": ended}


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    owner = "/".join((module.params["installation"], module.params["project"]))
    try:
        result = (hold if module.params["state"] == "held" else release)(module, owner)
    except (RefusedError, EngineError) as refusal:
        module.fail_json(msg=str(refusal))
    except OSError as error:
        data_root = module.params["data_root"]
        module.fail_json(msg=f"cannot keep records under {data_root}: {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
