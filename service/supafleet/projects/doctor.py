"""What the database believes against what the Docker hosts have: differences are named, nothing is touched unasked."""

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Engine
from sqlmodel import Session

from supafleet.accounts.service import Actor
from supafleet.db import reading, row_id, unit_of_work, utc_now
from supafleet.errors import Conflict, NotFound, quote
from supafleet.hosts import service as hosts
from supafleet.hosts.models import DockerHost
from supafleet.jobs.engine import JobEngine
from supafleet.projects import repository, service
from supafleet.projects.schemas import Difference, HostReport
from supafleet.projects.states import Observed
from supafleet.runs import service as runs
from supafleet.runs.models import Run
from supafleet.runs.vocabulary import RunKind
from supafleet.settings import Settings

ORPHAN, FOREIGN = "orphan", "foreign"
_LOOK_SECONDS = 30.0
_POLL_SECONDS = 0.2


def strangers(session: Session, host_id: int, seen: Mapping[str, Any], installation: str) -> list[dict[str, Any]]:
    """What a look found that belongs to no project of ours on this host.

    Ours by its label, but unknown, is an orphan. What another installation or a shell made is foreign and stays.
    """
    known = {project.ref for project in repository.list_projects_on(session, host_id)}
    records = seen.get("records") or {}
    objects: dict[tuple[str, str], list[str]] = {}
    for owner, projects in seen["projects"].items():
        for ref, facts in projects.items():
            objects[ref, owner] = list(facts["objects"])
    leases: dict[tuple[str, str], dict[str, Any]] = {}
    for name, lease in (records.get("leases") or {}).items():
        owner, _, ref = name.partition("/")
        leases[ref, owner] = lease
        objects.setdefault((ref, owner), []).append("its leases")
    found = []
    for (ref, owner), names in sorted(objects.items()):
        if owner == installation and ref in known:
            continue
        folder = ["its folder"] if ref in records.get("folders", []) and ref not in known else []
        kind = ORPHAN if owner == installation else FOREIGN
        lease = leases.get((ref, owner), {})
        found.append({"ref": ref, "installation": owner, "objects": names + folder, "kind": kind, "lease": lease})
    return found


def examine(engine: Engine, settings: Settings) -> list[HostReport]:
    """Look at every Docker host now, wait for what is seen, and name the differences."""
    asked_at = utc_now()
    with unit_of_work(engine) as session:
        hosts.wish_look(session)
    until = time.monotonic() + _LOOK_SECONDS
    while time.monotonic() < until:
        with reading(engine) as session:
            places = hosts.list_hosts(session)
            if all(host.looked_at is not None and host.looked_at >= asked_at for host in places):
                break
        time.sleep(_POLL_SECONDS)
    with reading(engine) as session:
        return [_report(session, host, settings) for host in hosts.list_hosts(session)]


def remove_orphan(session: Session, jobs: JobEngine, host_name: str, ref: str, actor: Actor) -> Run:
    """Request the removal of everything that an unknown project of this installation has on a host.

    Raises:
        NotFound: the latest look found no such orphan.
        Conflict: it is foreign, or a project of this name exists.
    """
    host = hosts.find_host(session, host_name)
    named = [one for one in host.strangers if one["ref"] == ref]
    stranger = next((one for one in named if one["kind"] == ORPHAN), named[0] if named else None)
    if stranger is None:
        raise NotFound(f"Nothing of an unknown project {quote(ref)} was found on the Docker host {host_name}.")
    if stranger["kind"] != ORPHAN:
        raise Conflict(
            f"{quote(ref)} belongs to the installation {quote(stranger['installation'])}: remove it from there."
        )
    if repository.find_project(session, ref) is not None:
        raise Conflict(f"Project {quote(ref)} exists: delete the project.")
    options = {"orphan": True}
    return runs.request_run(
        session, jobs, RunKind.PROJECT_DELETE, ref, host=host.name, actor=actor.username, options=options
    )


def _report(session: Session, host: DockerHost, settings: Settings) -> HostReport:
    differences = [
        Difference(
            kind=one["kind"],
            ref=one["ref"],
            sentence=_stranger_sentence(one),
            objects=one["objects"],
        )
        for one in host.strangers
    ]
    for project in repository.list_projects_on(session, row_id(host)):
        served = service.served_status(project, host, settings, utc_now())
        if project.observed_state == Observed.ABSENT:
            sentence = "Nothing of the project is on the host any more: restart it to begin without data, or delete it."
            differences.append(Difference(kind="absent", ref=project.ref, sentence=sentence, objects=[]))
        elif served.reason:
            differences.append(Difference(kind="sick", ref=project.ref, sentence=served.reason, objects=[]))
    return HostReport(
        host=host.name, observed_at=host.observed_at, error=host.observation_error, differences=differences
    )


def _stranger_sentence(stranger: Mapping[str, Any]) -> str:
    count = len(stranger["objects"])
    if stranger["kind"] == ORPHAN:
        return f"{count} objects of this installation belong to no project: `supafleet doctor --remove-orphans`."
    owner = stranger["installation"] or "nobody that is named"
    return f"{count} objects belong to {owner} and are left alone."
