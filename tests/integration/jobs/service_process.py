"""The whole service in a process of its own, with tiny playbooks, so that a test can kill it."""

import sys
from pathlib import Path

import uvicorn

from supafleet.app import create_app
from supafleet.runner.launcher import AnsibleRunnerLauncher, LauncherSettings
from supafleet.settings import Settings


def tiny_playbooks(settings: Settings, owner: str) -> AnsibleRunnerLauncher:
    """A launcher of the playbooks beside this file."""
    assert settings.run_dir is not None
    return AnsibleRunnerLauncher(
        LauncherSettings(
            run_directory=settings.run_dir,
            owner=owner,
            lease_seconds=settings.worker_lease_seconds,
            grace_seconds=settings.run_grace_seconds,
            playbooks=Path(__file__).parent / "playbooks",
        )
    )


def main() -> None:
    port, owner = int(sys.argv[1]), sys.argv[2]
    settings = Settings(listen_port=port)
    app = create_app(settings, tiny_playbooks(settings, owner))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=2)


if __name__ == "__main__":
    main()
