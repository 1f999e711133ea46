#!/usr/bin/python
"""Observe the containers, networks and volumes of one or all projects on a Docker host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_observation
short_description: What Docker says of Supafleet's objects on a host
description:
  - One look at every container, network and volume that carries Supafleet's labels, reduced on the host.
    The environment of a container never leaves it.
  - The same module serves the first look of a converge, the watch while containers become healthy, and removal.
options:
  project:
    description: Ref of the project to look at; all projects of the host when left out.
    type: str
  expected:
    description: Services that have to become healthy; they decide the verdict.
    type: list
    elements: str
    default: []
  job:
    description: Folder of the Compose process that is bringing the services up, as M(compose_project) returns it. It is
      removed once all services are healthy.
    type: path
  linger:
    description: Seconds for which the module itself goes on looking while the verdict is V(waiting). It then looks far
      more often, and with less work for the host, than a task that is repeated.
    type: float
    default: 0
  installation:
    description: Name of the installation whose project it is; what another one made is not looked at.
    type: str
  lock:
    description: The project's lock that the run holds, when the look keeps it alive; it fails when the lock was lost.
    type: dict
    suboptions:
      data_root: {description: Folder of Supafleet's own data on the host., type: path, required: true}
      project: {description: Ref of the project., type: str, required: true}
      run: {description: Id of the run., type: str, required: true}
  data_root:
    description: Folder of Supafleet's own data on the host.
    type: path
    default: /var/lib/supafleet
  log_tail_of:
    description: Services whose last log lines are wanted, and with them, as C(job_output), what Compose printed.
    type: list
    elements: str
  log_lines:
    description: How many lines of log.
    type: int
    default: 12
  secret_values:
    description: Values that are blotted out in log lines.
    type: list
    elements: str
    default: []
author: [Supafleet]
"""

EXAMPLES = r"""
- name: Look at one project
  docker_observation:
    project: demo
    expected: [db, kong]
"""

RETURN = r"""
containers:
  description: Name, project, service, state, exit code, restart count, health, times, config hash, image of each.
  returned: always
  type: list
records:
  description: The leases on the host by owner, the owners of the folders, and refs of locks that lapsed. An owner is an
    installation and a ref; a folder that does not say whose it is stands there as the ref alone.
  returned: when no project is named
  type: dict
verdict:
  description: V(waiting), V(healthy) or V(failed), for the expected services.
  returned: always
  type: str
"""

import time
import traceback

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.compose_job import forget_job, job_output, read_job
from ansible.module_utils.engine_api import Engine, EngineError
from ansible.module_utils.host_lock import LOCK_ARGUMENT, RefusedError, recorded_projects, renew
from ansible.module_utils.host_view import brief_view, chosen_by, full_view, surroundings
from ansible.module_utils.log_lines import messages_of
from ansible.module_utils.observation import LABEL_SERVICE

GLANCE_SECONDS = 0.25

ARGUMENTS = {
    "project": {"type": "str"},
    "installation": {"type": "str"},
    "expected": {"type": "list", "elements": "str", "default": []},
    "job": {"type": "path"},
    "linger": {"type": "float", "default": 0},
    "lock": dict(LOCK_ARGUMENT, required=False),
    "data_root": {"type": "path", "default": "/var/lib/supafleet"},
    "log_tail_of": {"type": "list", "elements": "str"},
    "log_lines": {"type": "int", "default": 12},
    "secret_values": {"type": "list", "elements": "str", "default": [], "no_log": True},
}


def log_tails(engine, inspections, services, lines):
    tails = {}
    for inspection in inspections:
        service = inspection["Config"]["Labels"].get(LABEL_SERVICE)
        if service in services:
            raw = engine.get_bytes("/containers/" + inspection["Id"] + "/logs", stdout=1, stderr=1, tail=lines)
            tails[service] = to_text(b"".join(body for _, body in messages_of(raw)), errors="replace").strip()
    return tails


def may_be_over(engine, chosen, wanted):
    """Whether a full look could end the waiting, judged by the short list, which costs the engine a tenth of it."""
    entries = brief_view(engine, chosen)
    if any(entry["State"] not in ("created", "running") or "(unhealthy)" in entry["Status"] for entry in entries):
        return True
    job = read_job(wanted["job"])
    coming = any(entry["State"] == "created" or "(health: starting)" in entry["Status"] for entry in entries)
    return (job is None or job["finished"]) and not coming


def observe(engine, wanted):
    chosen = chosen_by(wanted["project"], wanted["installation"])

    def look():
        return full_view(engine, chosen, wanted["expected"], read_job(wanted["job"]))

    deadline = time.monotonic() + wanted["linger"]
    inspections, result = look()
    while result["verdict"] == "waiting" and time.monotonic() < deadline:
        time.sleep(GLANCE_SECONDS)
        if may_be_over(engine, chosen, wanted) or time.monotonic() >= deadline:
            inspections, result = look()
    result.update(surroundings(engine, chosen))
    if wanted["project"] is None:
        result["records"] = recorded_projects(wanted["data_root"])
    if wanted["log_tail_of"] is not None:
        result["log_tails"] = log_tails(engine, inspections, wanted["log_tail_of"], wanted["log_lines"])
        result["job_output"] = job_output(wanted["job"]) if wanted["job"] else ""
    if result["verdict"] == "healthy" and wanted["job"]:
        forget_job(wanted["job"])
    return result


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    try:
        if wanted["lock"]:
            renew(**wanted["lock"])
        module.exit_json(changed=False, **observe(Engine(), wanted))
    except (EngineError, RefusedError, OSError) as error:
        module.fail_json(msg=to_text(error), exception=traceback.format_exc())


if __name__ == "__main__":
    main()
