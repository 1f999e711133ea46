#!/usr/bin/python
"""Put deployed edge functions on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: function_files
short_description: Unpack the versions of edge functions and switch to them
description:
  - Unpacks the folders that are missing, each into a scratch folder first, then replaces the index, which is what the
    main service of the functions reads at every call. So a call runs the old code or the new, and nothing has to be
    restarted.
  - The version before stays for calls that have begun; older ones and those of deleted functions are removed.
options:
  root:
    description: Folder of the project on the host.
    type: path
    required: true
  index:
    description: Text of the index; JSON with a C(folder) for each function.
    type: str
    required: true
  archive:
    description: A tar archive on the controller with all folders that the index names. It travels as a file and never
      through variables.
    type: path
    required: true
extends_documentation_fragment: [project_work.lock]
author: [Supafleet]
"""

EXAMPLES = r"""
- name: Unpack the functions
  function_files:
    root: /var/lib/supafleet/projects/demo
    index: "{}"
    archive: /dev/shm/functions.tar.gz
    lock: {data_root: /var/lib/supafleet, project: demo, run: "4711"}
"""

RETURN = r"""
unpacked:
  description: Folders that were made.
  returned: success
  type: list
removed:
  description: Folders that were removed.
  returned: success
  type: list
"""

import os
import shutil
import tarfile
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.function_index import FOLDER, INDEX, folders_of, functions_differ, read_index
from ansible.module_utils.host_lock import LOCK_ARGUMENT, RefusedError, kept_alive

ARGUMENTS = {
    "root": {"type": "path", "required": True},
    "index": {"type": "str", "required": True},
    "archive": {"type": "path", "required": True},
    "lock": LOCK_ARGUMENT,
}


def unpack(archive, folder, scratch):
    """The files below one folder of the archive, and nothing else of it; into the scratch folder."""
    for member in archive:
        first, _, rest = member.name.partition("/")
        if first != folder or not member.isfile() or ".." in rest.split("/"):
            continue
        target = os.path.join(scratch, rest)
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        with archive.extractfile(member) as source, open(target, "wb") as file:
            shutil.copyfileobj(source, file)
        os.chmod(target, 0o644)


def place(base, archive, folder):
    scratch = tempfile.mkdtemp(prefix=".new-", dir=base)
    try:
        with tarfile.open(archive) as opened:
            unpack(opened, folder, scratch)
        os.chmod(scratch, 0o755)  # noqa: S103 - code is no secret, and the runtime need not be root
        os.replace(scratch, os.path.join(base, folder))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def switch(root, text):
    path = os.path.join(root, INDEX)
    with open(path + ".new", "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def apply(root, text, archive):
    base = os.path.join(root, FOLDER)
    os.makedirs(base, mode=0o755, exist_ok=True)
    before, wanted = folders_of(read_index(root)), folders_of(text)
    unpacked = [name for name in sorted(wanted.values()) if not os.path.isdir(os.path.join(base, name))]
    for name in unpacked:
        place(base, archive, name)
    switch(root, text)
    kept = set(wanted.values()) | {name for slug, name in before.items() if slug in wanted}
    found = [name for name in os.listdir(base) if os.path.isdir(os.path.join(base, name))]
    removed = sorted(set(found) - kept)
    for name in removed:
        shutil.rmtree(os.path.join(base, name))
    return unpacked, removed


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    root, text = module.params["root"], module.params["index"]
    differ = functions_differ(root, text)
    if module.check_mode or not differ:
        module.exit_json(changed=differ, unpacked=[], removed=[])
    try:
        with kept_alive(module.params["lock"]):
            unpacked, removed = apply(root, text, module.params["archive"])
    except RefusedError as lost:
        module.fail_json(msg=str(lost))
    except (OSError, tarfile.TarError) as error:
        module.fail_json(msg=f"the edge functions cannot be written to {root}: {error}")
    module.exit_json(changed=True, unpacked=unpacked, removed=removed)


if __name__ == "__main__":
    main()
