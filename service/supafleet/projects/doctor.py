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

ORPHAN, FOREIGN, UNCLAIMED = "orphan", "foreign", "unclaimed"
_LOOK_SECONDS = 30.0
_POLL_SECONDS = 0.2


def strangers(session: Session, host_id: int, seen: Mapping[str, Any], installation: str) -> list[dict[str, Any]]:
    """What a look found that belongs to no project of ours on this host.

    Ours by its label, lease or folder, but unknown, is an orphan. What another installation or a shell made is foreign
    and stays. A folder or a lock that names no installation, of a ref that nothing else tells of, is unclaimed.
    """
    known = {project.ref for project in repository.list_projects_on(session, host_id)}
    records = seen.get("records") or {}
    objects = _objects_by_owner(seen["projects"], records)
    unsigned = {ref: ["its folder"] for owner, ref in map(_split_owner, records.get("folders", [])) if not owner}
    for ref in records.get("locks", []):
        unsigned.setdefault(ref, []).append("its lock")
    claimed = {ref for ref, _ in objects} | known
    found: list[dict[str, Any]] = [
        {"ref": ref, "installation": "", "objects": names, "kind": UNCLAIMED, "lease": {}}
        for ref, names in sorted(unsigned.items())
        if ref not in claimed
    ]
    for (ref, owner), names in sorted(objects.items()):
        if owner == installation and ref in known:
            continue
        more = unsigned.get(ref, []) if ref not in known else []
        kind = ORPHAN if owner == installation else FOREIGN
        lease = (records.get("leases") or {}).get(f"{owner}/{ref}", {})
        found.append({"ref": ref, "installation": owner, "objects": names + more, "kind": kind, "lease": lease})
    return found


def _objects_by_owner(projects: Mapping[str, Any], records: Mapping[str, Any]) -> dict[tuple[str, str], list[str]]:
    """What names its installation, by ref and that."""
    objects = {(ref, owner): list(facts["objects"]) for owner, seen in projects.items() for ref, facts in seen.items()}
    for kind, words in (("leases", "its leases"), ("folders", "its folder")):
        for owner, ref in map(_split_owner, records.get(kind, ())):
            if owner:
                objects.setdefault((ref, owner), []).append(words)
    return objects


def _split_owner(record: str) -> tuple[str, str]:
    """Installation and ref of `installation/ref`; a ref alone has none."""
    owner, _, ref = record.rpartition("/")
    return owner, ref


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
    if stranger["kind"] == UNCLAIMED:
        raise Conflict(
            f"What is left of {quote(ref)} names no installation: remove it by hand once you know whose it was."
        )
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
    unexpected: dict[int, list[str]] = {}
    for project_id, name in repository.list_strangers_on(session, row_id(host)):
        unexpected.setdefault(project_id, []).append(name)
    for project in repository.list_projects_on(session, row_id(host)):
        served = service.served_status(project, host, settings, utc_now())
        if project.observed_state == Observed.ABSENT:
            sentence = "Nothing of the project is on the host any more: restart it to begin without data, or delete it."
            differences.append(Difference(kind="absent", ref=project.ref, sentence=sentence, objects=[]))
        elif served.reason:
            differences.append(Difference(kind="sick", ref=project.ref, sentence=served.reason, objects=[]))
        if names := unexpected.get(row_id(project)):
            sentence = (
                f"{', '.join(names)}: no service of release {project.release}, but with the project's labels. "
                "Nobody looks after it, and it goes with the project: remove the container if it is not wanted."
            )
            differences.append(Difference(kind="unexpected", ref=project.ref, sentence=sentence, objects=names))
    return HostReport(
        host=host.name, observed_at=host.observed_at, error=host.observation_error, differences=differences
    )


def _stranger_sentence(stranger: Mapping[str, Any]) -> str:
    count = len(stranger["objects"])
    if stranger["kind"] == UNCLAIMED:
        told = " and ".join(stranger["objects"])
        return (
            f"{told} is left of a project that nobody on this host claims, and may hold secrets: once you know whose "
            "it was, remove it by hand below the host's data folder."
        )
    if stranger["kind"] == ORPHAN:
        return f"{count} objects of this installation belong to no project: `supafleet doctor --remove-orphans`."
    owner = stranger["installation"] or "nobody that is named"
    return f"{count} objects belong to {owner} and are left alone."
