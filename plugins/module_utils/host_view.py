"""What is on a Docker host, read from its engine: containers and the verdict on them, networks, volumes, facts."""

from __future__ import annotations

import datetime
import json
import os

from ansible.module_utils.engine_api import EngineError
from ansible.module_utils.observation import LABEL_INSTALLATION, LABEL_PROJECT, describe_container, judge

ENGINE_PID_FILE = "/run/docker.pid"
CAP_SYS_RESOURCE = 24


def chosen_by(project=None, installation=None):
    """Docker's filter for the objects of one project, of an installation or of any; without a project for all."""
    labels = [LABEL_PROJECT if project is None else LABEL_PROJECT + "=" + project]
    if installation is not None:
        labels.append(LABEL_INSTALLATION + "=" + installation)
    return json.dumps({"label": labels})


def brief_view(engine, chosen):
    """Docker's short list of the containers that are `chosen` (a filter of `chosen_by`, here and below)."""
    return engine.get("/containers/json", all=1, filters=chosen)


def full_view(engine, chosen, expected, job=None):
    """Inspections (list), and a dict with the facts of each container, the Compose task and the verdict on them."""
    now = datetime.datetime.now(datetime.timezone.utc)
    inspections = inspect_containers(engine, chosen)
    containers = [describe_container(inspection, now) for inspection in inspections]
    result = {
        "observed_at": now.isoformat(),
        "containers": sorted(containers, key=lambda container: container["name"]),
        "job": job,
    }
    result.update(judge(containers, expected, job))
    return inspections, result


def whole_view(engine, chosen, expected):
    """Everything that is chosen and that the first look of a run wants to know (dict)."""
    _, view = full_view(engine, chosen, expected)
    return dict(view, **surroundings(engine, chosen))


def surroundings(engine, chosen):
    """The engine's facts, and the networks and volumes (dict)."""
    networks, volumes = networks_and_volumes(engine, chosen)
    return {"engine": engine_facts(engine), "networks": networks, "volumes": volumes}


def inspect_containers(engine, chosen):
    """Docker's inspection of each container."""
    inspections = []
    for entry in brief_view(engine, chosen):
        try:
            inspections.append(engine.get("/containers/" + entry["Id"] + "/json"))
        except EngineError as error:
            if error.status != 404:  # removed between the two looks
                raise
    return inspections


def networks_and_volumes(engine, chosen):
    """Name, project and installation of the networks, with their subnets, and of the volumes (two lists)."""
    networks = [
        dict(
            owned(network),
            subnet=next((pool["Subnet"] for pool in network["IPAM"]["Config"] or [] if "Subnet" in pool), ""),
        )
        for network in engine.get("/networks", filters=chosen)
    ]
    volumes = [owned(volume) for volume in engine.get("/volumes", filters=chosen)["Volumes"] or []]
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
