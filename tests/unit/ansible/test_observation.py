"""Docker's inspections, folded into phases and a verdict."""

import datetime
from types import ModuleType
from typing import Any

import pytest

NOW = datetime.datetime(2026, 11, 22, 12, 0, 0, tzinfo=datetime.UTC)
A_MINUTE_AGO = "2026-11-22T11:59:00.123456789Z"
BUSY = {"finished": False, "failed": False}
DONE = {"finished": True, "failed": False}


def inspection(service: str, status: str = "running", health: str | None = "healthy", **state: Any) -> dict[str, Any]:
    restarts = state.pop("restarts", 0)
    body: dict[str, Any] = {"Status": status, "ExitCode": 0, "StartedAt": "2026-11-22T11:59:55.123456789Z", **state}
    if health:
        exit_code = -1 if body.pop("slow", False) else 1
        body["Health"] = {"Status": health, "FailingStreak": body.pop("failing", 0), "Log": [{"ExitCode": exit_code}]}
    labels = {"supafleet.service": service, "supafleet.project": "demo"}
    return {
        "Name": f"/demo-{service}",
        "RestartCount": restarts,
        "State": body,
        "Config": {"Image": "image", "Labels": labels, "Env": ["SECRET=x"], "Healthcheck": {"Retries": 3}},
    }


def verdict(observation: ModuleType, containers: list[dict[str, Any]], expected: list[str], job: Any = None) -> Any:
    described = [observation.describe_container(container, NOW) for container in containers]
    return observation.judge(described, expected, job)


def test_environment_never_leaves_the_host(observation: ModuleType) -> None:
    assert "SECRET" not in str(observation.describe_container(inspection("db"), NOW))


def test_uptime_is_read_from_dockers_times(observation: ModuleType) -> None:
    assert observation.describe_container(inspection("db"), NOW)["uptime_seconds"] == 5


def test_all_healthy_is_healthy(observation: ModuleType) -> None:
    assert verdict(observation, [inspection("db"), inspection("kong")], ["db", "kong"])["verdict"] == "healthy"


def test_healthy_is_not_said_while_compose_still_works(observation: ModuleType) -> None:
    assert verdict(observation, [inspection("db")], ["db"], BUSY)["verdict"] == "waiting"
    assert verdict(observation, [inspection("db")], ["db"], DONE)["verdict"] == "healthy"


def test_a_missing_container_is_waited_for_only_while_compose_works(observation: ModuleType) -> None:
    assert verdict(observation, [], ["db"], BUSY)["verdict"] == "waiting"
    ended = verdict(observation, [], ["db"], DONE)
    assert (ended["verdict"], ended["sick"]) == ("failed", ["db"])


def test_who_let_compose_fail_is_sick_though_more_patience_was_left(observation: ModuleType) -> None:
    containers = [
        inspection("db", health="unhealthy", failing=3),
        inspection("auth", status="created"),
        inspection("kong"),
    ]
    judged = verdict(observation, containers, ["db", "auth", "kong"], {"finished": True, "failed": True})
    assert (judged["verdict"], judged["sick"]) == ("failed", ["db"])
    assert verdict(observation, containers, ["db", "auth", "kong"], BUSY)["verdict"] == "waiting"


def test_a_failed_compose_task_is_a_failure(observation: ModuleType) -> None:
    assert verdict(observation, [], ["db"], {"finished": True, "failed": True})["verdict"] == "failed"


@pytest.mark.parametrize(
    ("container", "phase", "sick"),
    [
        (inspection("db", health="starting"), "starting", False),
        (inspection("db", health="unhealthy", failing=3), "unhealthy", False),
        (inspection("db", health="unhealthy", failing=5), "unhealthy", False),
        (inspection("db", health="unhealthy", failing=5, StartedAt=A_MINUTE_AGO), "unhealthy", True),
        (inspection("db", health="unhealthy", failing=11, slow=True, StartedAt=A_MINUTE_AGO), "unhealthy", False),
        (inspection("db", health="unhealthy", failing=12, slow=True, StartedAt=A_MINUTE_AGO), "unhealthy", True),
        (inspection("db", status="restarting", health="starting", restarts=1), "restarting", False),
        (inspection("db", status="restarting", health="starting", restarts=3), "restarting", True),
        (inspection("db", health="starting", restarts=3), "starting", True),
        (inspection("db", health="healthy", restarts=7), "healthy", False),
        (inspection("db", status="exited", health=None, ExitCode=1), "exited", True),
        (inspection("db", status="created", health=None), "created", False),
        (inspection("db", status="created", health=None, Error="no such file"), "created", True),
    ],
)
def test_phases_and_hopeless_containers(
    observation: ModuleType, container: dict[str, Any], phase: str, sick: bool
) -> None:
    result = verdict(observation, [container], ["db"], DONE)
    assert result["phases"]["db"] == phase
    assert result["sick"] == (["db"] if sick else [])


def test_who_suffers_from_what_has_not_started_is_waited_for(observation: ModuleType) -> None:
    sick = inspection("vector", health="unhealthy", failing=9, StartedAt=A_MINUTE_AGO)
    waiting = inspection("analytics", status="created", health=None)
    assert verdict(observation, [sick, waiting], ["vector", "analytics"], BUSY)["verdict"] == "waiting"
    assert verdict(observation, [sick], ["vector"], DONE)["verdict"] == "failed"


def test_who_suffers_from_what_is_still_starting_is_waited_for(observation: ModuleType) -> None:
    sick = inspection("studio", health="unhealthy", failing=9, StartedAt=A_MINUTE_AGO)
    starting = inspection("meta", health="starting")
    looping = inspection("meta", status="restarting", health="starting", restarts=3)
    assert verdict(observation, [sick, starting], ["studio", "meta"], DONE)["verdict"] == "waiting"
    assert verdict(observation, [sick, looping], ["studio", "meta"], DONE)["sick"] == ["studio", "meta"]
