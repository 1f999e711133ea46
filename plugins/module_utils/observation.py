"""What Docker says of our objects, reduced to facts that may leave the host (no environment, no secrets)."""

from __future__ import annotations

import datetime

LABEL_INSTALLATION = "supafleet.installation"
LABEL_PROJECT = "supafleet.project"
LABEL_SERVICE = "supafleet.service"
LABEL_RELEASE = "supafleet.release"
LABEL_FILES = "supafleet.files"
LABEL_CONFIG_HASH = "com.docker.compose.config-hash"

# Docker restarts at once at first, so three restarts within seconds are a loop and not a hiccup.
RESTART_LOOP = 3
RESTART_LOOP_UPTIME_SECONDS = 20
# A container may turn unhealthy once and recover; failing this often after its last retry is taken as final.
EXTRA_FAILED_CHECKS = 2
# A check that ran out of time tells as much of a busy host as of the service: two minutes of that are final.
EXTRA_SLOW_CHECKS = 9
TIMED_OUT_EXIT_CODE = -1
UNWELL_PHASES = ("unhealthy", "exited", "restarting")
COMING_PHASES = ("created", "starting", "restarting")
# A host that starts several projects at once is slow: nothing is given up before this.
UNHEALTHY_UPTIME_SECONDS = 60


def seconds_since(moment, now):
    """Seconds from Docker's RFC 3339 `moment` to `now` (aware), or None for Docker's zero time."""
    if not moment or moment.startswith("0001"):
        return None
    whole = moment.split(".")[0].rstrip("Z")
    started = datetime.datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return (now - started).total_seconds()


def describe_container(inspection, now):
    """One container's inspection as the facts we keep (dict)."""
    state = inspection.get("State") or {}
    health = state.get("Health") or {}
    config = inspection.get("Config") or {}
    labels = config.get("Labels") or {}
    healthcheck = config.get("Healthcheck") or {}
    networks = (inspection.get("NetworkSettings") or {}).get("Networks") or {}
    mounts = inspection.get("Mounts") or []
    facts = {
        "name": (inspection.get("Name") or "").lstrip("/"),
        "project": labels.get(LABEL_PROJECT, ""),
        "service": labels.get(LABEL_SERVICE, ""),
        "installation": labels.get(LABEL_INSTALLATION, ""),
        "release": labels.get(LABEL_RELEASE, ""),
        "files_digest": labels.get(LABEL_FILES, ""),
        "config_hash": labels.get(LABEL_CONFIG_HASH, ""),
        "image": config.get("Image", ""),
        "state": state.get("Status", ""),
        "exit_code": state.get("ExitCode"),
        "out_of_memory": bool(state.get("OOMKilled")),
        "error": state.get("Error") or "",
        "restart_count": inspection.get("RestartCount", 0),
        "health": health.get("Status", "none"),
        "failed_checks": health.get("FailingStreak", 0),
        "check_timed_out": ran_out_of_time(health.get("Log")),
        "retries": healthcheck.get("Retries") or 3,
        "started_at": state.get("StartedAt", ""),
        "finished_at": state.get("FinishedAt", ""),
        "uptime_seconds": seconds_since(state.get("StartedAt"), now),
        "networks": sorted(networks),
        "volumes": sorted(mount["Name"] for mount in mounts if mount.get("Type") == "volume" and mount.get("Name")),
    }
    return dict(facts, phase=phase_of(facts))


def ran_out_of_time(checks):
    """Whether the last of Docker's recorded health checks (list, None when there is none) took too long."""
    return bool(checks) and checks[-1].get("ExitCode") == TIMED_OUT_EXIT_CODE


def phase_of(container):
    """One of created, starting, healthy, unhealthy, exited, restarting."""
    state = container["state"]
    if state in ("exited", "dead", "removing", "paused"):
        return "exited"
    if state in ("created", "restarting"):
        return state
    if container["health"] in ("healthy", "unhealthy"):
        return container["health"]
    return "healthy" if container["health"] == "none" else "starting"


def is_beyond_hope(container):
    """Whether waiting longer for this container makes no sense."""
    phase = container["phase"]
    if phase == "unhealthy":
        uptime = container["uptime_seconds"]
        is_old = uptime is None or uptime >= UNHEALTHY_UPTIME_SECONDS
        extra = EXTRA_SLOW_CHECKS if container["check_timed_out"] else EXTRA_FAILED_CHECKS
        return is_old and container["failed_checks"] >= container["retries"] + extra
    if container["restart_count"] >= RESTART_LOOP:
        uptime = container["uptime_seconds"]
        return phase in ("restarting", "exited") or (
            phase == "starting" and (uptime is None or uptime < RESTART_LOOP_UPTIME_SECONDS)
        )
    # The restart policy brings an exited container back at once, unless it never could start.
    return phase == "exited" or (phase == "created" and bool(container["error"]))


def judge(containers, expected, job):
    """Phases by service, the sick services, and the verdict on `expected`.

    Args:
        containers: facts of `describe_container` of one project.
        expected: service names that have to become healthy.
        job: {"finished", "failed"} of the Compose process that is bringing them up, or None.

    Returns:
        dict with phases (dict), sick (list) and verdict: waiting, healthy or failed.
    """
    by_service = {container["service"]: container for container in containers}
    phases = {name: by_service[name]["phase"] if name in by_service else "missing" for name in expected}
    # While Compose still works, what has not been started yet (or is being replaced) is not sick, nor is what waits for
    # it; Compose itself fails when something it waits for is unhealthy. Afterwards, what is unhealthy may still miss
    # somebody who is starting.
    ended = job is None or job["finished"]
    has_failed = bool(job and job["failed"])
    hopeless = [name for name in expected if name in by_service and is_beyond_hope(by_service[name])]
    if has_failed:
        # Compose gives up sooner than we do: what it waited for is what is unwell now.
        hopeless += [name for name in expected if phases[name] in UNWELL_PHASES and name not in hopeless]
    is_coming = any(phases[name] in COMING_PHASES and name not in hopeless for name in expected)
    excused = ("unhealthy",) if is_coming and not has_failed else ()
    sick = [name for name in hopeless if phases[name] not in (excused if ended else ("created", "exited", "unhealthy"))]
    gone = [name for name in expected if phases[name] == "missing"] if ended else []
    if sick or gone or has_failed:
        verdict = "failed"
    elif ended and all(phase == "healthy" for phase in phases.values()):
        verdict = "healthy"
    else:
        verdict = "waiting"
    return {"phases": phases, "sick": sick or gone, "verdict": verdict}
