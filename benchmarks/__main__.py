"""All measurements in one run."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks import namespace
from benchmarks.api import measure_api
from benchmarks.commands import docker, program, run
from benchmarks.converge import converged_project, measure_converge
from benchmarks.create import measure_create
from benchmarks.events import measure_events
from benchmarks.figures import Results
from benchmarks.idle import measure_idle
from benchmarks.report import as_json, print_tables
from benchmarks.service import running_service
from benchmarks.twin import compose_twin
from supafleet.content import content_root

_ROUNDS, _QUICK_ROUNDS = 5, 2
_BUILD_SECONDS = 1200.0


def main() -> None:
    """Measure, print, and leave nothing behind."""
    options = _options()
    progress = Console(stderr=True)
    with namespace.alone(), tempfile.TemporaryDirectory(prefix="supafleet-benchmark-") as folder:
        namespace.interruptible()
        needs_engine = not set(options.only) <= {"events", "api"}
        results = Results(_machine() | (_engine() if needs_engine else {}))

        def say(sentence: str) -> None:
            results.loads.append(round(os.getloadavg()[0], 2))
            progress.print(f"{sentence} (load {results.loads[-1]})", highlight=False)

        try:
            if "events" in options.only:
                measure_events(Path(folder) / "events", options.rounds, say, results)
            if "api" in options.only:
                measure_api(Path(folder) / "api", options.rounds, say, results)
            if needs_engine:
                namespace.sweep()
                _provide_images()
                say("images are there")
                _measure(Path(folder), options, results, say)
        except KeyboardInterrupt:
            progress.print("interrupted: everything that was made is removed")
            raise SystemExit(130) from None
        finally:
            with namespace.undisturbed():
                left = namespace.sweep() if needs_engine else []
        if left:
            progress.print(f"removed at the end, because the benchmark had left it: {', '.join(left)}")
    if options.json:
        print(as_json(results))
    else:
        print_tables(results, Console())


def _measure(folder: Path, options: argparse.Namespace, results: Results, say: Callable[[str], None]) -> None:
    with running_service(folder / "service") as service:
        assert service.process is not None
        measure_idle(service.process.pid, "fresh", results)
        say("idle service measured")
        if "create" in options.only:
            with compose_twin(folder / "twin") as twin:
                measure_create(service, twin, options.rounds, say, results)
            measure_idle(service.process.pid, f"after {options.rounds} creates", results)
    if "converge" in options.only:
        with converged_project(folder / "inventory") as inventory:
            measure_converge(inventory, options.rounds, say, results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Paired measurements against Compose.")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, metavar="N", help=f"pairs of each kind ({_ROUNDS})")
    parser.add_argument("--quick", action="store_const", const=_QUICK_ROUNDS, dest="rounds", help="two rounds")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parts = ["create", "converge", "events", "api"]
    parser.add_argument(
        "--only", nargs="+", choices=[*parts, "idle"], default=parts, help="events and api need no Docker"
    )
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    return options


def _machine() -> dict[str, str | float | int]:
    return {
        "cores": os.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / 1024**3, 1),
        "python": sys.version.split()[0],
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def _engine() -> dict[str, str | float | int]:
    facts = json.loads(docker("info", "--format", "{{json .}}"))
    return {
        "engine": facts["ServerVersion"],
        "compose": docker("compose", "version", "--short"),
        "other_containers": facts["ContainersRunning"],
    }


def _provide_images() -> None:
    """Built by their playbook where the engine lacks them."""
    root = content_root()
    words = [program("ansible-playbook"), "-i", str(root / "inventories" / "local")]
    environment = {"ANSIBLE_CONFIG": str(root / "ansible.cfg")}
    run([*words, str(root / "playbooks" / "sandbox_images.yml")], environment=environment, timeout=_BUILD_SECONDS)


if __name__ == "__main__":
    main()
