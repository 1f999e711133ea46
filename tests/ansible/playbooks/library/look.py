#!/usr/bin/python
"""A look at services that become healthy one after the other: the shape of docker_observation, without Docker."""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

SERVICES = (
    *("db", "kong", "auth", "rest", "realtime", "storage"),
    *("imgproxy", "meta", "functions", "analytics", "vector", "studio"),
)


def main() -> None:
    module = AnsibleModule(
        {
            "counter": {"type": "path"},
            "project": {"default": "demo"},
            "healthy": {"type": "int", "required": False},
            "at_once": {"type": "int", "default": 4},
        }
    )
    project, healthy = module.params["project"], module.params["healthy"]
    if healthy is None:
        counter = Path(module.params["counter"])
        looks = int(counter.read_text()) if counter.exists() else 0
        counter.write_text(str(looks + 1))
        healthy = 0 if looks < 2 else (looks - 1) * module.params["at_once"]
    phases = {name: "healthy" if index < healthy else "starting" for index, name in enumerate(SERVICES)}
    facts = {"project": project, "state": "running", "restart_count": 0, "exit_code": 0}
    is_ready = healthy >= len(SERVICES)
    module.exit_json(
        changed=False,
        containers=[{"service": name, "image": f"img/{name}", **facts} for name in SERVICES],
        networks=[],
        volumes=[],
        phases=phases,
        verdict="healthy" if is_ready else "waiting",
        sick=[],
        checks=[{"name": "gateway", "ok": True, "status": 200, "detail": ""}] if is_ready else [],
    )


main()
