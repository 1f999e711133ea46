"""What is on a Docker host, read from its engine: containers and the verdict on them, networks, volumes, facts."""

from __future__ import annotations

import datetime
import json
import os

from ansible.module_utils.engine_api import EngineError
from ansible.module_utils.observation import LABEL_INSTALLATION, LABEL_PROJECT, describe_container, judge

ENGINE_PID_FILE = "/run/docker.pid"
CAP_SYS_RESOURCE = 24


def label_filter(project):
    """Docker's filter for all objects of `project`, or of every project when it is None."""
    label = LABEL_PROJECT if project is None else LABEL_PROJECT + "=" + project
    return json.dumps({"label": [label]})


def brief_view(engine, project):
    """Docker's short list of the containers."""
    return engine.get("/containers/json", all=1, filters=label_filter(project))


def full_view(engine, project, expected, job=None):
    """Inspections (list), and a dict with the facts of each container, the Compose task and the verdict on them."""
    now = datetime.datetime.now(datetime.timezone.utc)
    inspections = inspect_containers(engine, project)
    containers = [describe_container(inspection, now) for inspection in inspections]
    result = {
        "observed_at": now.isoformat(),
        "containers": sorted(containers, key=lambda container: container["name"]),
        "job": job,
    }
    result.update(judge(containers, expected, job))
    return inspections, result


def whole_view(engine, project, expected):
    """Everything of one project, or of all, that the first look of a run wants to know (dict)."""
    _, view = full_view(engine, project, expected)
    return dict(view, **surroundings(engine, project))


def surroundings(engine, project):
    """The engine's facts, and the networks and volumes of one project or of all (dict)."""
    networks, volumes = networks_and_volumes(engine, project)
    return {"engine": engine_facts(engine), "networks": networks, "volumes": volumes}


def inspect_containers(engine, project):
    """Docker's inspection of each container."""
    inspections = []
    for entry in brief_view(engine, project):
        try:
            inspections.append(engine.get("/containers/" + entry["Id"] + "/json"))
        except EngineError as error:
            if error.status != 404:  # removed between the two looks
                raise
    return inspections


def networks_and_volumes(engine, project):
    """Name, project and installation of the networks, with their subnets, and of the volumes (two lists)."""
    networks = [
        dict(
            owned(network),
            subnet=next((pool["Subnet"] for pool in network["IPAM"]["Config"] or [] if "Subnet" in pool), ""),
        )
        for network in engine.get("/networks", filters=label_filter(project))
    ]
    volumes = [owned(volume) for volume in engine.get("/volumes", filters=label_filter(project))["Volumes"] or []]
    return networks, volumes


def owned(thing):
    """Name, project and installation of a network or a volume."""
    labels = thing["Labels"] or {}
    return {
        "name": thing["Name"],
        "project": labels.get(LABEL_PROJECT, ""),
        "installation": labels.get(LABEL_INSTALLATION, ""),
    }


def engine_facts(engine):
    """Id, version, cores, memory (bytes) and limit of open files of the engine."""
    info = engine.get("/info")
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
