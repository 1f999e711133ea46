#!/usr/bin/python
"""Put all files of a Compose project in place and bring up the services that they change."""

from __future__ import annotations

DOCUMENTATION = r"""
module: compose_project
short_description: Write a project's folder and bring up what differs from it
description:
  - Writes every file of a Compose project in one task, each atomically, and removes files of the managed folders that
    are no longer wanted.
  - Then asks Compose for the configuration hash of each service and compares it with the observed containers.
  - Compose is then started for the services that differ, and works on after the module has ended; C(docker_observation)
    tells how it goes and how it ended. It is all one task, because most of the time of a task is its start.
  - In check mode the files go to a private scratch folder that is removed again, and nothing is started; the comparison
    is the same.
options:
  root:
    description: Folder of the project on the host; made with mode 0700.
    type: path
    required: true
  files:
    description: Content of the files without secrets, by path relative to O(root).
    type: dict
    required: true
  secret_files:
    description: Content of the files with secrets, of the same form; it is never shown.
    type: dict
    default: {}
  modes:
    description: Mode of each file, such as V(0644). Apart, because every value inside a secret option is blotted out of
      the module's answer, wherever it stands.
    type: dict
    required: true
  managed_folders:
    description: Sub-folders that hold exactly the given files.
    type: list
    elements: str
    default: []
  folders:
    description: Sub-folders that have to exist, whatever they hold.
    type: list
    elements: str
    default: []
  functions:
    description: Text of the index of deployed edge functions. Whether the host's differs is told as
      C(functions_differ); M(function_files) then unpacks them. Without it they are left alone.
    type: str
  containers:
    description: Containers of the project as C(docker_observation) returns them.
    type: list
    elements: dict
    default: []
  services:
    description: Names of all services. Without a single container all of them have to be created, and Compose need not
      be asked.
    type: list
    elements: str
    default: []
  network:
    description: Network that every container has to be on. One that is not, because somebody took it off or removed the
      network, has to be recreated; Compose does not notice it.
    type: str
  network_is_new:
    description: Whether that network was made just now, so that no container can be on it.
    type: bool
    default: false
  timeout:
    description: Seconds that Compose may take, pulls included.
    type: int
    default: 1800
extends_documentation_fragment: [project_work.lock]
author: [Supafleet]
"""

EXAMPLES = r"""
- name: Write the files and bring up what differs
  compose_project:
    root: /var/lib/supafleet/projects/demo
    files:
      compose.yml: "services: {}"
    modes:
      compose.yml: "0644"
    lock: {data_root: /var/lib/supafleet, project: demo, run: "4711"}
"""

RETURN = r"""
actions:
  description: For each service V(create), V(recreate), V(start) or V(keep).
  returned: success
  type: dict
functions_differ:
  description: Whether the deployed edge functions are others than wanted.
  returned: success
  type: bool
job:
  description: Folder of the started Compose process.
  returned: when one was started
  type: str
touched:
  description: Names of the services whose action is not V(keep).
  returned: success
  type: list
"""

import contextlib
import errno
import json
import os
import subprocess
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.compose_job import forget_jobs, start_job
from ansible.module_utils.engine_api import engine_address
from ansible.module_utils.function_index import INDEX, functions_differ
from ansible.module_utils.host_lock import LOCK_ARGUMENT, RefusedError, kept_alive

ARGUMENTS = {
    "root": {"type": "path", "required": True},
    "files": {"type": "dict", "required": True},
    "secret_files": {"type": "dict", "default": {}, "no_log": True},
    "modes": {"type": "dict", "required": True},
    "managed_folders": {"type": "list", "elements": "str", "default": []},
    "folders": {"type": "list", "elements": "str", "default": []},
    "functions": {"type": "str"},
    "containers": {"type": "list", "elements": "dict", "default": []},
    "services": {"type": "list", "elements": "str", "default": []},
    "network": {"type": "str"},
    "network_is_new": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 1800},
    "lock": LOCK_ARGUMENT,
}
HASH_TIMEOUT_SECONDS = 60


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def mode_of(path):
    return f"{os.stat(path).st_mode & 0o7777:04o}"


def write(path, content, mode):
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    beside = path + ".new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(beside)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, int(mode, 8))
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), int(mode, 8))
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def differing(root, wanted):
    """Paths whose content or mode on the host is not the wanted one."""
    different = []
    for name, file in sorted(wanted.items()):
        path = os.path.join(root, name)
        if read(path) != file["content"] or mode_of(path) != file["mode"]:
            different.append(name)
    return different


def superfluous(root, wanted, managed_folders):
    """Paths in the managed folders that nobody wants any more."""
    unwanted = []
    for folder in managed_folders:
        for parent, _folders, names in os.walk(os.path.join(root, folder)):
            unwanted += [os.path.relpath(os.path.join(parent, name), root) for name in names]
    return sorted(set(unwanted) - set(wanted))


def place(root, wanted, different, unwanted, folders):
    os.makedirs(root, mode=0o700, exist_ok=True)
    os.chmod(root, 0o700)
    for folder in folders:
        os.makedirs(os.path.join(root, folder), mode=0o755, exist_ok=True)
    # The Compose file goes last: whoever is killed in between leaves the old description of the old files.
    for name in sorted(different, key=lambda name: name == "compose.yml"):
        write(os.path.join(root, name), wanted[name]["content"], wanted[name]["mode"])
    for name in unwanted:
        os.unlink(os.path.join(root, name))


def try_to_place(module, root, *what):
    try:
        place(root, *what)
    except OSError as error:
        hint = ": free some space there and run again" if error.errno == errno.ENOSPC else ""
        module.fail_json(msg=f"the files of the project cannot be written to {root}: {error.strerror}{hint}")


def compose_environment():
    """Compose talks to the engine that the modules look at, whatever context its configuration names."""
    return dict(os.environ, DOCKER_HOST=engine_address())


def compose(module, words, text=None):
    answer = subprocess.run(  # noqa: S603 - a list of our own words, no shell
        ["docker", "compose", *words],  # noqa: S607 - wherever the host has it
        input=text,
        capture_output=True,
        text=True,
        timeout=HASH_TIMEOUT_SECONDS,
        check=False,
        env=compose_environment(),
    )
    if answer.returncode != 0:
        module.fail_json(msg=f"Compose refuses the rendered file: {answer.stderr.strip()}")
    return answer.stdout


def config_hashes(module, folder, carried):
    """Compose's own hashes of each service's configuration, environment included: the ones a container may carry.

    `config --hash` leaves environment files out (Compose 2.26), unlike the hash it writes on a container. So the files
    are resolved first; the result holds secrets and stays in a pipe. A container that was brought up alone
    (`--no-deps`) carries the hash of its configuration without dependencies, which is asked for only when `carried`
    (hash by service) holds something else than the usual hash.
    """
    base = ["--project-directory", folder, "-f"]
    resolved = compose(module, [*base, os.path.join(folder, "compose.yml"), "config", "--format", "json"])
    hashes = {service: {value} for service, value in hashes_of(module, base, resolved).items()}
    if any(value not in hashes.get(service, ()) for service, value in carried.items()):
        alone = json.loads(resolved)
        for service in alone["services"].values():
            service.pop("depends_on", None)
        for service, value in hashes_of(module, base, json.dumps(alone)).items():
            hashes[service].add(value)
    return hashes


def hashes_of(module, base, text):
    lines = compose(module, [*base, "-", "config", "--hash", "*"], text).splitlines()
    return dict(line.split() for line in lines)


def cut_off_services(params):
    """Services whose container is not on the project's network."""
    network, is_new = params["network"], params["network_is_new"]
    return {
        container["service"]
        for container in params["containers"]
        if network and (is_new or network not in container["networks"])
    }


def action_for(container, wanted_hashes, cut_off):
    if container is None:
        return "create"
    if container["service"] in cut_off:
        return "recreate"
    if container["config_hash"] not in wanted_hashes:
        return "recreate"
    return "keep" if container["phase"] in ("healthy", "starting", "unhealthy") else "start"


def bring_up(params, touched, services, cut_off):
    """Start Compose for the touched services (list) and return the job's folder.

    Compose itself and not docker_compose_v2, which takes most of a second before it calls it (ADR 0013).
    """
    root = params["root"]
    words = ["docker", "compose", "--ansi=never", "--progress=plain", "--project-directory", root]
    words += ["up", "--detach", "--quiet-pull"]
    if cut_off:
        words.append("--force-recreate")
    # Compose would recreate the dependants of a changed service too, so what differs is named.
    words += ["--remove-orphans"] if len(touched) == len(services) else ["--no-deps", *touched]
    return start_job(root, words, params["timeout"], compose_environment())


def shown_differences(root, public, different):
    """What Ansible's --diff shows: files without secrets only."""
    return [
        {
            "before": read(os.path.join(root, name)) or "",
            "after": public[name],
            "before_header": name,
            "after_header": name,
        }
        for name in different
        if name in public
    ]


def wanted_hashes(module, root, wanted, is_new, carried):
    """The hashes that each service's container may carry (dict of sets), of the files in place or, in check mode, of
    the wanted ones."""
    if is_new:
        return {service: set() for service in module.params["services"]}
    if not module.check_mode:
        return config_hashes(module, root, carried)
    with tempfile.TemporaryDirectory(prefix="supafleet-plan-") as scratch:
        place(scratch, wanted, sorted(wanted), [], [])
        return config_hashes(module, scratch, carried)


def converge(module):
    """Do all of it, or in check mode none of it; what the module answers (dict)."""
    params = module.params
    root, public = params["root"], params["files"]
    wanted = {
        name: {"content": content, "mode": params["modes"][name]}
        for name, content in dict(public, **params["secret_files"]).items()
    }
    different = differing(root, wanted)
    unwanted = superfluous(root, wanted, params["managed_folders"])
    shown = shown_differences(root, public, different)
    by_service = {container["service"]: container for container in params["containers"]}
    if not module.check_mode:
        forget_jobs(root)
        try_to_place(module, root, wanted, different, unwanted, params["folders"])
    is_new = bool(params["services"]) and not by_service
    carried = {service: container["config_hash"] for service, container in by_service.items()}
    hashes = wanted_hashes(module, root, wanted, is_new, carried)
    functions = params["functions"]
    has_other_functions = functions is not None and functions_differ(root, functions)
    if has_other_functions:
        before = read(os.path.join(root, INDEX)) or ""
        shown.append({"before": before, "after": functions, "before_header": INDEX, "after_header": INDEX})
    cut_off = cut_off_services(params)
    actions = {service: action_for(by_service.get(service), hashes[service], cut_off) for service in sorted(hashes)}
    touched = [service for service, action in actions.items() if action != "keep"]
    result = {"functions_differ": has_other_functions, "actions": actions, "touched": touched, "diff": shown}
    if touched and not module.check_mode:
        result["job"] = bring_up(params, touched, actions, cut_off)
    changed = bool(different or unwanted or has_other_functions or touched)
    return dict(result, changed=changed, written=different, removed=unwanted)


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        with contextlib.nullcontext() if module.check_mode else kept_alive(module.params["lock"]):
            result = converge(module)
    except RefusedError as lost:
        module.fail_json(msg=str(lost))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
