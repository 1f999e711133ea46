"""Docker Compose accepts the rendered file and reads back exactly what was rendered."""

import json
import shutil
import subprocess

import pytest

from supafleet.content import content_root
from supafleet.keys import generate_project_secrets
from supafleet.stack.render import render_project

pytestmark = pytest.mark.docker

SECRETS = generate_project_secrets()
ENGINES = ("20.10.24", "26.1.5")
AWKWARD = "a$b{c} ${HOME} $$ \"q\" 'q' # no comment `tick` \\n %s {{ 7*6 }} é"


def _project(folder, **changes):
    return {
        "ref": "composeacceptsproject"[:20],
        "name": 'It\'s "quoted" $HOME {{ 7*6 }}',
        "organization_name": "Sample organization",
        "installation": "test-compose",
        "host": "local",
        "release": "2026.09",
        "flavour": "supabase",
        "size": "micro",
        "gateway_port": 24398,
        "subnet": "10.213.98.0/24",
        "bind_address": "127.0.0.1",
        "public_url": "http://127.0.0.1:24398",
        "root": str(folder),
        "registry_prefix": "",
        "settings": {},
        **changes,
    }


def _render(folder, engine, **changes):
    rendered = render_project(_project(folder, **changes), SECRETS, {"version": engine, "cpus": 2}, content_root())
    for path, file in rendered.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(file.content, encoding="utf-8")
    return rendered


def _compose(folder, *arguments):
    # Nothing of the caller's environment may find its way into the file.
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/leaked-home"}
    assert shutil.which("docker", path=environment["PATH"]), "these tests need the docker command"
    done = subprocess.run(
        ["docker", "compose", "--project-directory", str(folder), "-f", str(folder / "compose.yml"), *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def _read_back(folder):
    return json.loads(_compose(folder, "config", "--format", "json"))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("flavour", ["supabase", "sandbox"])
def test_compose_accepts_the_file(tmp_path, flavour, engine):
    _render(tmp_path, engine, flavour=flavour)
    assert _compose(tmp_path, "config", "--quiet") == ""


@pytest.mark.parametrize("size", ["micro", "small", "medium", "large"])
def test_compose_accepts_every_size(tmp_path, size):
    _render(tmp_path, "26.1.5", size=size)
    limits = {
        name: service["deploy"]["resources"]["limits"] for name, service in _read_back(tmp_path)["services"].items()
    }
    assert len(limits) == 12
    for name, limit in limits.items():
        assert set(limit) == {"cpus", "memory", "pids"}, name
        assert 0 < float(limit["cpus"]) <= 2, f"{name} asks for more processors than the engine has"


def test_the_start_interval_is_kept_from_engines_that_do_not_know_it(tmp_path):
    for engine, expected in (("20.10.24", 0), ("24.0.7", 0), ("25.0.0", 12), ("26.1.5", 12)):
        folder = tmp_path / engine
        folder.mkdir()
        _render(folder, engine)
        services = _read_back(folder)["services"].values()
        assert sum("start_interval" in service["healthcheck"] for service in services) == expected, engine


def test_environment_arrives_unchanged(tmp_path):
    settings = {"environment": {"auth": {"GOTRUE_AWKWARD": AWKWARD, "GOTRUE_EMPTY": "", "GOTRUE_BLANKS": "  x  "}}}
    _render(tmp_path, "20.10.24", settings=settings)
    services = _read_back(tmp_path)["services"]

    def variable(service, name):
        return services[service]["environment"][name].replace("$$", "$")

    assert variable("auth", "GOTRUE_AWKWARD") == AWKWARD
    assert variable("auth", "GOTRUE_EMPTY") == ""
    assert variable("auth", "GOTRUE_BLANKS") == "  x  "
    assert variable("studio", "DEFAULT_PROJECT_NAME") == _project(tmp_path)["name"]
    assert variable("realtime", "DNS_NODES") == "''"
    assert variable("imgproxy", "IMGPROXY_BIND") == ":5001"


def test_what_the_notation_cannot_carry_never_arrives_as_something_else(tmp_path):
    """A value is read back as it was, or refused in a sentence that names its variable."""
    for number, value in enumerate(["ends\\", "x\\'y", "\\", "''", "\\\\'", "'\\"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        told, arrived = "", None
        try:
            _render(folder, "20.10.24", settings={"environment": {"auth": {"GOTRUE_AWKWARD": value}}})
        except ValueError as refusal:
            told = str(refusal)
        if not told:
            arrived = _read_back(folder)["services"]["auth"]["environment"]["GOTRUE_AWKWARD"]
        assert "GOTRUE_AWKWARD" in told or arrived == value, f"{value!r}: {told or arrived!r}"


def test_the_compose_file_holds_no_secret(tmp_path):
    rendered = _render(tmp_path, "20.10.24")
    text = rendered.files["compose.yml"].content
    assert [name for name, value in SECRETS.items() if name != "dashboard_username" and value in text] == []


@pytest.mark.parametrize("flavour", ["supabase", "sandbox"])
def test_nothing_but_the_gateway_is_published(tmp_path, flavour):
    _render(tmp_path, "26.1.5", flavour=flavour)
    published = {
        name: service["ports"] for name, service in _read_back(tmp_path)["services"].items() if service.get("ports")
    }
    assert list(published) == ["kong"]
    [port] = published["kong"]
    assert (port["host_ip"], int(port["published"]), port["target"]) == ("127.0.0.1", 24398, 8000)


def test_no_container_gets_the_docker_socket(tmp_path):
    _render(tmp_path, "26.1.5")
    for name, service in _read_back(tmp_path)["services"].items():
        assert not [mount for mount in service.get("volumes", []) if "docker.sock" in str(mount)], name


def test_compose_can_delete_no_data(tmp_path):
    config = _render(tmp_path, "26.1.5") and _read_back(tmp_path)
    assert config["networks"]["default"]["external"] is True
    own = [name for name, volume in config["volumes"].items() if not volume.get("external")]
    assert own == ["deno-cache"]


def test_every_service_has_its_own_config_hash(tmp_path):
    _render(tmp_path, "26.1.5")
    hashes = dict(line.split() for line in _compose(tmp_path, "config", "--hash", "*").splitlines())
    assert len(hashes) == len(set(hashes.values())) == 12


def test_rendering_again_gives_the_same_bytes(tmp_path):
    first, second = (_render(tmp_path, "26.1.5").files for _ in range(2))
    assert first == second
