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
  job_file:
    description: Result file of the asynchronous Compose task that is bringing the services up. It is removed once all
      services are healthy.
    type: str
  linger:
    description: Seconds for which the module itself goes on looking while the verdict is V(waiting). It then looks far
      more often, and with less work for the host, than a task that is repeated.
    type: float
    default: 0
  renew_lock:
    description: Id of the run whose lock of the project is kept alive by this look.
    type: str
  data_root:
    description: Folder of Supafleet's own data on the host.
    type: path
    default: /var/lib/supafleet
  log_tail_of:
    description: Services whose last log lines are wanted.
    type: list
    elements: str
    default: []
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
verdict:
  description: V(waiting), V(healthy) or V(failed), for the expected services.
  returned: always
  type: str
"""

import contextlib
import datetime
import json
import os
import time
import traceback

from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.host_lock import renew
from ansible.module_utils.observation import LABEL_PROJECT, LABEL_SERVICE, describe_container, judge
from ansible_collections.community.docker.plugins.module_utils._api.errors import DockerException, NotFound
from ansible_collections.community.docker.plugins.module_utils.common_api import AnsibleDockerClient, RequestException

ENGINE_PID_FILE = "/run/docker.pid"
CAP_SYS_RESOURCE = 24
GLANCE_SECONDS = 0.25

ARGUMENTS = {
    "project": {"type": "str"},
    "expected": {"type": "list", "elements": "str", "default": []},
    "job_file": {"type": "str"},
    "linger": {"type": "float", "default": 0},
    "renew_lock": {"type": "str"},
    "data_root": {"type": "path", "default": "/var/lib/supafleet"},
    "log_tail_of": {"type": "list", "elements": "str", "default": []},
    "log_lines": {"type": "int", "default": 12},
    "secret_values": {"type": "list", "elements": "str", "default": [], "no_log": True},
}


def label_filter(project):
    label = LABEL_PROJECT if project is None else f"{LABEL_PROJECT}={project}"
    return json.dumps({"label": [label]})


def inspect_containers(client, project):
    inspections = []
    for entry in client.get_json("/containers/json", params={"all": 1, "filters": label_filter(project)}):
        try:
            inspections.append(client.get_json("/containers/{0}/json", entry["Id"]))
        except NotFound:
            continue  # removed between the two looks
    return inspections


def networks_and_volumes(client, project):
    networks = [
        {
            "name": network["Name"],
            "project": network["Labels"].get(LABEL_PROJECT, ""),
            "subnet": next((pool["Subnet"] for pool in network["IPAM"]["Config"] or [] if "Subnet" in pool), ""),
        }
        for network in client.get_json("/networks", params={"filters": label_filter(project)})
    ]
    volumes = [
        {"name": volume["Name"], "project": volume["Labels"].get(LABEL_PROJECT, "")}
        for volume in client.get_json("/volumes", params={"filters": label_filter(project)})["Volumes"] or []
    ]
    return networks, volumes


def engine_facts(client):
    info = client.get_json("/info")
    return {
        "id": info["ID"],
        "version": info["ServerVersion"],
        "cpus": info["NCPU"],
        "memory_bytes": info["MemTotal"],
        "open_files": open_files_limit(),
    }


def open_files_limit():
    """The most open files that the engine can give to a container, or None when it may raise limits."""
    try:
        with open(ENGINE_PID_FILE, encoding="utf-8") as file:
            process = os.path.join("/proc", file.read().strip())
        with open(os.path.join(process, "status"), encoding="utf-8") as file:
            capabilities = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
        with open(os.path.join(process, "limits"), encoding="utf-8") as file:
            hard = next(line.split()[4] for line in file if line.startswith("Max open files"))
    except (OSError, StopIteration):
        return None
    return None if capabilities >> CAP_SYS_RESOURCE & 1 or not hard.isdigit() else int(hard)


def read_job(path):
    """State of the asynchronous Compose task: {"finished", "failed"}, or None without a path."""
    if not path:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            result = json.load(file)
    except (OSError, ValueError):
        return {"finished": False, "failed": False}  # being written
    finished = bool(result.get("finished")) or "changed" in result or "failed" in result
    return {"finished": finished, "failed": bool(result.get("failed"))}


def plain_log(raw):
    """The text of a multiplexed log stream (frames of an 8 byte head and a body)."""
    text = b""
    while len(raw) >= 8 and raw[0] in (0, 1, 2):
        size = int.from_bytes(raw[4:8], "big")
        text += raw[8 : 8 + size]
        raw = raw[8 + size :]
    return to_text(text + raw, errors="replace")


def log_tails(client, inspections, services, lines):
    tails = {}
    for inspection in inspections:
        service = inspection["Config"]["Labels"].get(LABEL_SERVICE)
        if service in services:
            raw = client.get_binary(
                "/containers/{0}/logs", inspection["Id"], params={"stdout": 1, "stderr": 1, "tail": lines}
            )
            tails[service] = plain_log(raw).strip()
    return tails


def may_be_over(client):
    """Whether a full look could end the waiting, judged by the short list, which costs the engine a tenth of it."""
    wanted = client.module.params
    entries = client.get_json("/containers/json", params={"all": 1, "filters": label_filter(wanted["project"])})
    if any(entry["State"] not in ("created", "running") or "(unhealthy)" in entry["Status"] for entry in entries):
        return True
    job = read_job(wanted["job_file"])
    coming = any(entry["State"] == "created" or "(health: starting)" in entry["Status"] for entry in entries)
    return (job is None or job["finished"]) and not coming


def look(client):
    """Inspections, the facts of each container, the Compose task, and the verdict on them."""
    wanted = client.module.params
    now = datetime.datetime.now(datetime.UTC)
    inspections = inspect_containers(client, wanted["project"])
    containers = [describe_container(inspection, now) for inspection in inspections]
    job = read_job(wanted["job_file"])
    result = {
        "observed_at": now.isoformat(),
        "containers": sorted(containers, key=lambda container: container["name"]),
        "job": job,
    }
    result.update(judge(containers, wanted["expected"], job))
    return inspections, result


def observe(client):
    wanted = client.module.params
    deadline = time.monotonic() + wanted["linger"]
    inspections, result = look(client)
    while result["verdict"] == "waiting" and time.monotonic() < deadline:
        time.sleep(GLANCE_SECONDS)
        if may_be_over(client) or time.monotonic() >= deadline:
            inspections, result = look(client)
    result["engine"] = engine_facts(client)
    result["networks"], result["volumes"] = networks_and_volumes(client, wanted["project"])
    if wanted["log_tail_of"]:
        result["log_tails"] = log_tails(client, inspections, wanted["log_tail_of"], wanted["log_lines"])
    if result["verdict"] == "healthy" and wanted["job_file"]:
        with contextlib.suppress(OSError):
            os.unlink(wanted["job_file"])
    return result


def main():
    client = AnsibleDockerClient(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = client.module.params
    try:
        project = params["project"]
        if params["renew_lock"] and not renew(params["data_root"], project, params["renew_lock"]):
            client.fail(f"the lock of project {project} was lost to another run: start this run again")
        client.module.exit_json(changed=False, **observe(client))
    except (DockerException, RequestException, OSError) as error:
        client.fail(f"the Docker engine did not answer: {to_text(error)}", exception=traceback.format_exc())


if __name__ == "__main__":
    main()
