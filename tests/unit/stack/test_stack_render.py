"""What rendering promises: the same bytes again, secrets where they belong, changes where they belong."""

import pytest
import yaml

from supafleet.stack.errors import RenderError
from supafleet.stack.settings import SERVICES


def changed_services(before, after):
    """Services whose part of the Compose file or environment file differs: those that Compose would recreate."""
    return {
        service
        for service in SERVICES
        if before.compose["services"][service] != after.compose["services"][service]
        or before.files[f"env/{service}.env"] != after.files[f"env/{service}.env"]
    }


def test_the_same_inputs_give_the_same_bytes(render):
    settings = {"environment": {"auth": {"B_NAME": "2", "A_NAME": "1"}}, "postgres": {"work_mem": "8MB", "jit": "off"}}
    turned = {
        "postgres": dict(reversed(settings["postgres"].items())),
        "environment": {"auth": {"A_NAME": "1", "B_NAME": "2"}},
    }
    assert render(settings=settings) == render(settings=turned)


def test_the_folder_is_complete(render):
    rendered = render()
    assert {path for path in rendered.files if not path.startswith("env/")} == {
        "compose.yml",
        "db/_supabase.sql",
        "db/jwt.sql",
        "db/logs.sql",
        "db/pgsodium_root.key",
        "db/realtime.sql",
        "db/roles.sql",
        "db/webhooks.sql",
        "functions/main/index.ts",
        "installation",
        "kong/kong.yml",
        "vector/vector.yml",
    }
    assert rendered.files["installation"].content == "test-stack\n", "the host's records tell whose folder it is"
    assert [path for path in rendered.files if path.startswith("env/")] == sorted(
        f"env/{name}.env" for name in SERVICES
    )
    assert rendered.directories == ["db", "env", "functions", "functions/main", "kong", "snippets", "vector"]


def test_every_mounted_path_is_rendered(render):
    rendered = render()
    there = set(rendered.files) | set(rendered.directories)
    for name, service in rendered.compose["services"].items():
        for mount in service.get("volumes", []):
            if mount["type"] == "bind":
                path = mount["source"].removeprefix("/var/lib/supafleet/projects/stacksampleproject/")
                assert path in there, (name, mount)


def test_modes_follow_who_reads_the_file(render):
    for path, file in render().files.items():
        assert file.mode == ("0600" if path.startswith("env/") else "0644"), path
        assert file.secret == (path.startswith("env/") or path in ("kong/kong.yml", "db/pgsodium_root.key")), path


def test_the_compose_text_is_the_compose_data(render):
    rendered = render()
    assert yaml.safe_load(rendered.files["compose.yml"].content) == rendered.compose


def test_objects_made_beforehand_are_external_and_named(render):
    rendered = render()
    assert [volume["name"] for volume in rendered.volumes] == [
        "stacksampleproject-db-data",
        "stacksampleproject-db-config",
        "stacksampleproject-storage",
    ]
    assert rendered.network == {
        "name": "stacksampleproject",
        "subnet": "10.213.7.0/24",
        "ip_range": "10.213.7.0/25",
        "gateway": "10.213.7.1",
        "labels": {"supafleet.installation": "test-stack", "supafleet.project": "stacksampleproject"},
    }
    external = {data["name"] for data in rendered.compose["volumes"].values() if data.get("external")}
    assert external == {volume["name"] for volume in rendered.volumes}


@pytest.mark.parametrize(
    ("change", "services"),
    [
        ({"settings": {"db_max_rows": 7}}, {"rest", "studio"}),
        ({"settings": {"disable_signup": True}}, {"auth"}),
        ({"settings": {"postgres": {"work_mem": "9MB"}}}, {"db"}),
        ({"settings": {"mcp_allowed_addresses": ["192.0.2.1"]}}, {"kong"}),
        ({"settings": {"environment": {"meta": {"PG_CONN_TIMEOUT_SECS": "9"}}}}, {"meta"}),
        ({"settings": {"images": {"imgproxy": "darthsim/imgproxy:v3.31.5"}}}, {"imgproxy"}),
        ({"own_secrets": {"pgsodium_root_key": "0" * 64}}, {"db"}),
        ({"own_secrets": {"dashboard_password": "another"}}, {"kong"}),
        ({"name": "Another name"}, {"studio"}),
    ],
)
def test_a_change_recreates_exactly_the_services_that_it_concerns(render, change, services):
    assert changed_services(render(), render(**change)) == services


def test_user_strings_are_values_and_nothing_else(render):
    name = 'It\'s "{{ 7*6 }}" {% raw %} ${HOME} $HOME #: - !x'
    rendered = render(name=name, settings={"postgres": {"application_name": "{{ 1+1 }} $x"}})
    line = next(
        line for line in rendered.files["env/studio.env"].content.splitlines() if "DEFAULT_PROJECT_NAME" in line
    )
    assert line == "DEFAULT_PROJECT_NAME='It\\'s \"{{ 7*6 }}\" {% raw %} ${HOME} $HOME #: - !x'"
    assert rendered.compose["services"]["db"]["command"][-1] == "application_name={{ 1+1 }} $$x"


def test_awkward_gateway_credentials_stay_strings(kong):
    for password in (
        "@leading",
        "12345",
        "true",
        "null",
        "a: b",
        "{{ 7*6 }}",
        '"quoted"',
        "it's",
        "$HOME",
        "#x",
        "1e3",
    ):
        entry = kong(own_secrets={"dashboard_password": password})["basicauth_credentials"][0]
        assert entry["password"] == password


def test_the_well_known_path_follows_the_public_address(kong):
    services = {service["name"]: service for service in kong(public_url="https://example.com/base/")["services"]}
    paths = services["well-known-oauth"]["routes"][0]["paths"]
    assert paths == ["/.well-known/oauth-authorization-server/base/auth/v1"]


def test_a_public_address_is_derived_when_there_is_none(render):
    assert "API_EXTERNAL_URL='http://127.0.0.1:24321/auth/v1'" in render(public_url="").files["env/auth.env"].content
    rendered = render(public_url="", bind_address="::1")
    assert "API_EXTERNAL_URL='http://[::1]:24321/auth/v1'" in rendered.files["env/auth.env"].content
    assert rendered.compose["services"]["kong"]["ports"] == ["[::1]:24321:8000"]


def test_the_owner_sets_the_public_address_of_a_proxy(render):
    rendered = render(settings={"public_url": "https://shop.example.com/"})
    assert "API_EXTERNAL_URL='https://shop.example.com/auth/v1'" in rendered.files["env/auth.env"].content
    assert "SUPABASE_PUBLIC_URL='https://shop.example.com'" in rendered.files["env/functions.env"].content
    assert rendered.compose["services"]["kong"]["ports"] == ["127.0.0.1:24321:8000"]


def test_addresses_are_confirmed_automatically_until_there_is_a_mail_server(render):
    def autoconfirm(**settings):
        return "GOTRUE_MAILER_AUTOCONFIRM='true'" in render(settings=settings).files["env/auth.env"].content

    mail = {"auth": {"GOTRUE_SMTP_HOST": "mail.example.com"}}
    assert autoconfirm()
    assert not autoconfirm(environment=mail)
    assert autoconfirm(environment=mail, mailer_autoconfirm=True)
    assert not autoconfirm(mailer_autoconfirm=False)


def test_every_boolean_reaches_its_container_in_lower_case(render):
    flags = ("disable_signup", "anonymous_users", "functions_verify_jwt")
    for value in (True, False):
        rendered = render(settings=dict.fromkeys(flags, value))
        text = "".join(file.content for path, file in rendered.files.items() if path.startswith("env/"))
        assert "'True'" not in text
        assert "'False'" not in text


def test_processors_are_capped_by_the_engine(render):
    limits = render(size="large", engine={"cpus": 2})
    assert {service["deploy"]["resources"]["limits"]["cpus"] for service in limits.compose["services"].values()} == {
        "2"
    }
    half = render(engine={"cpus": 0.5}).compose["services"]["db"]["deploy"]["resources"]["limits"]["cpus"]
    assert half == "0.5"


def test_a_registry_prefix_stands_before_official_images_only(render):
    own = {"images": {"auth": "registry.example.com/auth:v1"}}
    images = render(registry_prefix="mirror.example.com/", settings=own).images
    assert images["rest"] == "mirror.example.com/postgrest/postgrest:v14.17"
    assert images["auth"] == "registry.example.com/auth:v1"
    sandbox = render(flavour="sandbox", registry_prefix="mirror.example.com/").images
    assert all(image.startswith("supafleet-sandbox/") for image in sandbox.values())


def test_only_realtime_may_gain_privileges(render):
    services = render().compose["services"]
    assert [name for name, service in services.items() if "security_opt" not in service] == ["realtime"]


def test_subclasses_of_text_are_accepted(render):
    class Tagged(str):
        """Stands for the text types that Ansible hands over."""

    rendered = render(ref=Tagged("stacksampleproject"), settings={Tagged("site_url"): Tagged("http://example.com")})
    assert rendered.files == render(settings={"site_url": "http://example.com"}).files


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"release": "1999.01"}, "release: '1999.01' does not exist; the releases are 2026.09"),
        ({"size": "huge"}, "size: 'huge' does not exist; the sizes are micro, small, medium, large"),
        ({"flavour": "vanilla"}, "flavour: input should be 'supabase' or 'sandbox'"),
        ({"ref": "No"}, "ref: must be 3 to 40 lower-case letters, digits and hyphens and start with a letter"),
        ({"name": "two\nlines"}, "name: may not hold line breaks or other control characters"),
        ({"gateway_port": 0}, "gateway_port: input should be greater than or equal to 1"),
        ({"subnet": "10.0.0.0/28"}, "subnet: must hold at least a /27, for twelve containers and the log receiver"),
        ({"subnet": "10.0.0.1/24"}, "subnet: must be an IPv4 network such as 10.213.7.0/24"),
        ({"bind_address": "here"}, "bind_address: must be an IP address of the Docker host, for example 127.0.0.1"),
        ({"public_url": "ftp://x"}, "public_url: must be a URL that starts with http:// or https://"),
        ({"root": "relative"}, "root: must be an absolute path on the Docker host, of letters, digits, dots, _ and -"),
        (
            {"registry_prefix": "mirror"},
            "registry_prefix: must be empty or end with a slash, for example mirror.example.com/",
        ),
        ({"settings": {"colour": 1}}, "settings.colour is not a known name"),
        ({"own_secrets": {"jwt_secret": ""}}, "the secret jwt_secret is missing"),
        ({"engine": {"version": "new"}}, "engine.version: must be a version such as 20.10.24"),
        ({"name": object()}, "the project must be made of plain data: Object of type object is not JSON serializable"),
    ],
)
def test_a_wrong_input_is_refused_in_one_sentence(render, change, sentence):
    with pytest.raises(RenderError) as refusal:
        render(**change)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize("secret", ["jwt_secret", "postgres_password", "realtime_db_enc_key", "phx_secret_key_base"])
def test_a_refusal_shows_no_secret(render, secret):
    with pytest.raises(RenderError) as refusal:
        render(own_secrets={secret: "line\nbreak-of-a-secret"})
    assert "break-of-a-secret" not in str(refusal.value)


def test_checks_are_as_far_apart_as_the_owner_says_and_the_database_is_ready_at_once(render):
    official, dense = render(), render(settings={"health_interval": 30})
    intervals = {name: dense.compose["services"][name]["healthcheck"]["interval"] for name in SERVICES}
    assert intervals.pop("db") == official.compose["services"]["db"]["healthcheck"]["interval"]
    assert set(intervals.values()) == {"30s"}
    assert official.compose["services"]["auth"]["healthcheck"]["interval"] == "5s"
