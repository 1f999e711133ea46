#!/usr/bin/python
"""Stop containers of a project, stage by stage, and see that they stand still."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stopped_containers
short_description: Stop services of a project in order
description:
  - Stops the containers of the first stage in which something runs, all at the same time, and waits for them. Repeated
    until nothing is left, it stops a project in order, and each attempt shows how far it is. Nothing is removed.
  - The containers are found by their labels, so that it works whatever became of the project's folder.
options:
  stages:
    description: Stages in order, each with V(services) and V(timeout), the seconds a service has to end by itself. A
      container whose service stands in none belongs to the first stage, unless O(only) is given.
    type: list
    elements: dict
    required: true
  only:
    description: Services to stop; all of them when empty.
    type: list
    elements: str
    default: []
  expected:
    description: Services of the project, for the phases in the observation.
    type: list
    elements: str
    default: []
extends_documentation_fragment: [project_work.project, project_work.lock]
author: [Supafleet]
"""

EXAMPLES = r"""
- name: Stop a project
  stopped_containers:
    project: demo
    installation: default
    lock: {data_root: /var/lib/supafleet, project: demo, run: "4711"}
    stages:
      - {services: [kong, studio], timeout: 10}
      - {services: [db], timeout: 60}
  register: stopped
  until: stopped.left == 0
"""

RETURN = r"""
stopped:
  description: Names of the services that were stopped by this attempt, or would be by all.
  returned: success
  type: list
left:
  description: How many containers still have to be stopped.
  returned: success
  type: int
observation:
  description: What C(docker_observation) returns, seen afterwards.
  returned: success
  type: dict
"""

import concurrent.futures
import traceback
import urllib.parse

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.engine_api import Engine, EngineError
from ansible.module_utils.host_lock import LOCK_ARGUMENT, RefusedError, kept_alive
from ansible.module_utils.host_view import brief_view, chosen_by, whole_view
from ansible.module_utils.observation import LABEL_SERVICE

ARGUMENTS = {
    "project": {"type": "str", "required": True},
    "installation": {"type": "str", "required": True},
    "stages": {"type": "list", "elements": "dict", "required": True},
    "only": {"type": "list", "elements": "str", "default": []},
    "expected": {"type": "list", "elements": "str", "default": []},
    "lock": LOCK_ARGUMENT,
}
RUNNING = ("running", "restarting", "paused")


def staged(entries, stages, only):
    """For each stage its timeout and the containers in it that run: a list of (seconds, entries)."""
    named = {service for stage in stages for service in stage["services"]}
    running = [entry for entry in entries if entry["State"] in RUNNING]
    plan = []
    for index, stage in enumerate(stages):
        chosen = []
        for entry in running:
            service = entry["Labels"].get(LABEL_SERVICE, "")
            is_here = service in stage["services"] or (index == 0 and service not in named and not only)
            if is_here and (not only or service in only):
                chosen.append(entry)
        plan.append((int(stage["timeout"]), chosen))
    return plan


def stop(entry, seconds):
    engine = Engine()
    path = "/containers/" + entry["Id"]
    try:
        if entry["State"] == "paused":
            engine.post(path + "/unpause")  # a frozen process cannot end
        engine.post(path + "/stop?" + urllib.parse.urlencode({"t": seconds}), takes_seconds=seconds)
    except EngineError as error:
        if error.status not in (304, 404):
            raise


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    chosen_objects = chosen_by(wanted["project"], wanted["installation"])
    try:
        engine = Engine()
        entries = brief_view(engine, chosen_objects)
        plan = [stage for stage in staged(entries, wanted["stages"], wanted["only"]) if stage[1]]
        chosen = plan if module.check_mode else plan[:1]
        stopped = [entry["Labels"].get(LABEL_SERVICE, "") for _, stage in chosen for entry in stage]
        if chosen and not module.check_mode:
            ((seconds, now),) = chosen
            pool = concurrent.futures.ThreadPoolExecutor(max_workers=len(now))
            with kept_alive(wanted["lock"]), pool:
                list(pool.map(lambda entry: stop(entry, seconds), now))
        left = sum(len(stage) for _, stage in plan[len(chosen) :])
        observation = whole_view(engine, chosen_objects, wanted["expected"])
    except (EngineError, RefusedError, OSError) as error:
        module.fail_json(msg=to_text(error), exception=traceback.format_exc())
    module.exit_json(changed=bool(stopped), stopped=sorted(stopped), left=left, observation=observation)


if __name__ == "__main__":
    main()
