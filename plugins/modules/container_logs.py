#!/usr/bin/python
"""Read the logs of a project's containers on a Docker host, a piece at a time."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_logs
short_description: Log lines of a project's containers
description:
  - Reads what the engine keeps of the containers' output and answers with a bounded piece of it, in the order of time.
    It changes nothing in a project and takes no lock.
  - Arguments of a task that is repeated are made once, so the place to go on from is kept in a small file on the host.
    It holds times and counts, never a line. The last answer removes it, and so does O(state=ended) and, a day later,
    any other run of this module.
options:
  state:
    description: V(read) answers with lines; V(ended) only removes the file of O(cursor).
    type: str
    choices: [read, ended]
    default: read
  services:
    description: Services whose lines are wanted; all when empty.
    type: list
    elements: str
    default: []
  tail:
    description: How many of the newest lines there are to begin with, of all these services together.
    type: int
    default: 100
  since:
    description: Only lines since this time, V(10m) ago (also s, h, d) or V(2026-01-31T12:00:00Z).
    type: str
  follow:
    description: Whether lines that come later are wanted too.
    type: bool
    default: false
  linger:
    description: Seconds for which the module itself waits for a new line while it follows.
    type: float
    default: 4
  cursor:
    description: Id under which the place to go on from is kept. Without one an answer is all there is.
    type: str
  most_lines:
    description: Most lines of one answer.
    type: int
    default: 500
  most_bytes:
    description: Most bytes of one answer, about. One line always fits.
    type: int
    default: 24000
  data_root:
    description: Folder of Supafleet's own data on the host.
    type: path
    default: /var/lib/supafleet
  secret_values:
    description: Values that are blotted out.
    type: list
    elements: str
    default: []
extends_documentation_fragment: [project_work.project]
author: [Supafleet]
"""

EXAMPLES = r"""
- name: Read the newest lines of two services
  container_logs:
    project: demo
    installation: default
    services: [auth, rest]
    since: 10m
"""

RETURN = r"""
lines:
  description: Service, time and text of each line, in the order of time.
  returned: when state is read
  type: list
services:
  description: Those of the wanted services that have a container.
  returned: when state is read
  type: list
is_cut:
  description: Whether there are more lines than one answer may have.
  returned: when state is read
  type: bool
has_ended:
  description: Whether this was the last answer.
  returned: success
  type: bool
"""

import time
import traceback

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_text
from ansible.module_utils.engine_api import Engine, EngineError
from ansible.module_utils.host_view import brief_view, chosen_by
from ansible.module_utils.log_cursor import LogCursor
from ansible.module_utils.log_lines import (
    BEGINNING,
    SECOND,
    fitting,
    lines_of,
    masked,
    messages_of,
    nanoseconds_of,
    position_behind,
    read_since,
    secrets_to_mask,
    stamp,
    unread,
)
from ansible.module_utils.observation import LABEL_SERVICE

GLANCE_SECONDS = 0.5
# A line has its time before it is in the log: what is younger than this may still get an older neighbour.
SETTLED = SECOND // 5
# A long line is several messages: the earlier parts of one that ends behind the position are read with it.
OVERLAP = 2 * SECOND
# While following, the newest messages are nearly always enough; only else the engine reads the whole log.
GLANCE_MESSAGES = 300

ARGUMENTS = {
    "state": {"type": "str", "choices": ["read", "ended"], "default": "read"},
    "project": {"type": "str", "required": True},
    "installation": {"type": "str", "required": True},
    "services": {"type": "list", "elements": "str", "default": []},
    "tail": {"type": "int", "default": 100},
    "since": {"type": "str"},
    "follow": {"type": "bool", "default": False},
    "linger": {"type": "float", "default": 4},
    "cursor": {"type": "str"},
    "most_lines": {"type": "int", "default": 500},
    "most_bytes": {"type": "int", "default": 24000},
    "data_root": {"type": "path", "default": "/var/lib/supafleet"},
    "secret_values": {"type": "list", "elements": "str", "default": [], "no_log": True},
}


def containers_of(engine, wanted):
    """Service by id of the wanted containers that have been started."""
    found = {}
    for entry in brief_view(engine, chosen_by(wanted["project"], wanted["installation"])):
        service = entry["Labels"].get(LABEL_SERVICE, "")
        if entry["State"] != "created" and (not wanted["services"] or service in wanted["services"]):
            found[entry["Id"]] = service
    return found


def ask(engine, container, **query):
    """Messages of one container; none when it was removed between the two looks."""
    try:
        raw = engine.get_bytes("/containers/" + container + "/logs", stdout=1, stderr=1, timestamps=1, **query)
    except EngineError as error:
        if error.status in (404, 409):
            return []
        raise
    return messages_of(raw)


def newest(engine, container, tail):
    return lines_of(ask(engine, container, tail=tail))


def behind(engine, container, at):
    """Lines of the container that reach back behind the time `at`."""
    messages = ask(engine, container, tail=GLANCE_MESSAGES)
    lines = lines_of(messages)
    begin = stamp(nanoseconds_of(at) - OVERLAP)
    if len(messages) < GLANCE_MESSAGES or (lines and lines[0][0] < begin):
        return lines
    seconds, rest = divmod(nanoseconds_of(begin), SECOND)
    return lines_of(ask(engine, container, tail="all", since=f"{seconds}.{rest:09d}"))


def beginning(wanted, now):
    """The state of a reading that begins: the position, and the time it ends at unless it follows."""
    at = read_since(wanted["since"], now) if wanted["since"] else BEGINNING
    bound = stamp(now - SETTLED)
    return {"at": bound if wanted["tail"] <= 0 else at, "seen": {}, "until": None if wanted["follow"] else bound}


def look(engine, wanted, state, is_first):
    """One look: the services (list), the lines that fit, the state behind them, and whether there are more."""
    bound = state["until"] or stamp(time.time_ns() - SETTLED)
    containers = containers_of(engine, wanted)
    found = {
        container: (
            service,
            newest(engine, container, wanted["tail"]) if is_first else behind(engine, container, state["at"]),
        )
        for container, service in containers.items()
    }
    lines = unread(found, state, bound)
    skipped = max(len(lines) - wanted["tail"], 0) if is_first else 0
    count = skipped + fitting(lines[skipped:], wanted["most_lines"], wanted["most_bytes"])
    position = position_behind(lines, count, state, bound)
    return sorted(set(containers.values())), lines[skipped:count], dict(state, **position), count < len(lines)


def shown(lines, secrets):
    return [{"service": line["service"], "at": line["at"], "text": masked(line["text"], secrets)} for line in lines]


def read(engine, wanted, cursor):
    """One answer (dict), waited for while following; the cursor is behind it."""
    state = cursor.load()
    is_first = state is None
    if is_first:
        state = beginning(wanted, time.time_ns())
        cursor.begin(state)
    # The first answer comes at once, so that a reader knows that reading has begun.
    deadline = time.monotonic() + (wanted["linger"] if wanted["follow"] and not is_first else 0)
    while True:
        services, lines, state, is_cut = look(engine, wanted, state, is_first)
        if lines or time.monotonic() >= deadline:
            break
        time.sleep(GLANCE_SECONDS)
    has_ended = not services or (not wanted["follow"] and not is_cut) or not cursor.save(state)
    if has_ended:
        cursor.end()
    return {
        "lines": shown(lines, secrets_to_mask(wanted["secret_values"])),
        "services": services,
        "is_cut": is_cut,
        "has_ended": has_ended,
    }


def nothing_found(wanted):
    project, services = wanted["project"], wanted["services"]
    whose = f"no started container of {' or '.join(services)}" if services else "no started container"
    return f"project {project} has {whose} on this host"


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    wanted = module.params
    cursor = None
    try:
        cursor = LogCursor(wanted["data_root"], wanted["cursor"])
        if wanted["state"] == "ended":
            cursor.end()
            module.exit_json(changed=False, has_ended=True)
        answer = read(Engine(), wanted, cursor)
    except (EngineError, OSError, ValueError) as error:
        if cursor is not None:
            cursor.end()
        module.fail_json(msg=to_text(error), exception=traceback.format_exc())
    if not answer["services"]:
        module.fail_json(msg=nothing_found(wanted), **answer)
    module.exit_json(changed=False, **answer)


if __name__ == "__main__":
    main()
