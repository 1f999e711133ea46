"""The effects of the init SQL on a real PostgreSQL: our rendered files, mounts and environment on a first start."""

import json
import os
import subprocess
import time
import uuid

import pytest

from supafleet.content import content_root
from supafleet.keys import generate_project_secrets
from supafleet.stack.render import render_project

pytestmark = pytest.mark.docker

SECRETS = generate_project_secrets()
JWT_EXPIRY = 4321
PROJECT = {
    "ref": "initsqlsampleproject",
    "name": "Init SQL sample",
    "organization_name": "Sample organization",
    "installation": "test-init-sql",
    "host": "local",
    "release": "2026.09",
    "flavour": "sandbox",
    "size": "micro",
    "gateway_port": 24397,
    "subnet": "10.213.97.0/24",
    "bind_address": "127.0.0.1",
    "public_url": "http://127.0.0.1:24397",
    "registry_prefix": "",
    "settings": {"jwt_expiry": JWT_EXPIRY},
}
ROLE_PASSWORDS = {
    "authenticator": "authenticator_password",
    "pgbouncer": "pgbouncer_password",
    "supabase_auth_admin": "auth_admin_password",
    "supabase_functions_admin": "functions_admin_password",
    "supabase_storage_admin": "storage_admin_password",
    "supabase_admin": "postgres_password",
    "postgres": "postgres_password",
}
GRANTEES = ["anon", "authenticated", "postgres", "service_role"]


class Database:
    """One started database container."""

    def __init__(self, container):
        self.container = container
        inspection = json.loads(_docker("inspect", container))[0]
        self.address = inspection["NetworkSettings"]["IPAddress"]
        self.init_files = {os.path.basename(mount["Destination"]) for mount in inspection["Mounts"]}

    def rows(self, sql, database="postgres"):
        """The rows of a query, run as supabase_admin."""
        command = [
            "psql",
            "-X",
            "-At",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            "supabase_admin",
            "-d",
            database,
        ]
        out = _docker("exec", self.container, *command, "-c", sql)
        return [tuple(line.split("|")) for line in out.splitlines()]

    def value(self, sql, database="postgres"):
        """The one value of a query."""
        [(value,)] = self.rows(sql, database)
        return value

    def error(self, sql):
        """The message with which a statement is refused."""
        with pytest.raises(subprocess.CalledProcessError) as refused:
            self.rows(sql)
        return refused.value.stderr

    def login(self, role, password):
        """Whether `role` can log in with `password` over the network, where passwords count."""
        command = ["psql", "-X", "-h", self.address, "-U", role, "-d", "postgres", "-c", "select 1"]
        done = subprocess.run(
            ["docker", "exec", "-e", "PGPASSWORD", self.container, *command],
            env={**os.environ, "PGPASSWORD": password},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        return done.returncode == 0


def _docker(*arguments, environment=None):
    done = subprocess.run(
        ["docker", *arguments],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout


def _environment(content):
    pairs = (line.split("=", 1) for line in content.splitlines() if line and not line.startswith("#"))
    return {name: value[1:-1].replace("\\'", "'") for name, value in pairs}


def _start_arguments(rendered, folder, image):
    definition = rendered.compose["services"]["db"]
    arguments = []
    for mount in definition["volumes"]:
        if mount["type"] == "volume":
            arguments += ["--volume", mount["target"]]  # anonymous, seeded from the image like a named one
        else:
            source = (folder / mount["source"]).resolve()
            assert source.is_file(), f"{mount['source']} is mounted but not rendered"
            read_only = ",readonly" if mount.get("read_only") else ""
            arguments += ["--mount", f"type=bind,source={source},target={mount['target']}{read_only}"]
    command = [word.replace("$$", "$") for word in definition["command"]]
    return [*arguments, "--shm-size", "256m", image, *command]


@pytest.fixture(scope="module")
def database(sandbox_images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("initsql")
    rendered = render_project(
        {**PROJECT, "root": str(folder)}, SECRETS, {"version": "20.10.24", "cpus": 2}, content_root()
    )
    for path, file in rendered.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.content, encoding="utf-8")
        target.chmod(int(file.mode, 8))
    environment = _environment(rendered.files["env/db.env"].content)
    container = f"supafleet-test-initsql-{uuid.uuid4().hex[:12]}"
    named = [word for name in environment for word in ("--env", name)]
    try:
        arguments = _start_arguments(rendered, folder, sandbox_images["db"])
        _docker("run", "--detach", "--name", container, *named, *arguments, environment=environment)
        _wait_until_ready(container)
        yield Database(container)
    finally:
        subprocess.run(
            ["docker", "rm", "--force", "--volumes", container], capture_output=True, check=False, timeout=60
        )


def _wait_until_ready(container):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        check = ["docker", "exec", container, "pg_isready", "-U", "postgres", "-h", "localhost"]
        if subprocess.run(check, capture_output=True, check=False, timeout=30).returncode == 0:
            return
        if _docker("inspect", "--format", "{{.State.Running}}", container).strip() != "true":
            break
        time.sleep(0.5)
    logs = subprocess.run(
        ["docker", "logs", "--tail", "20", container], capture_output=True, text=True, check=False, timeout=30
    )
    pytest.fail(f"the database did not come up:\n{logs.stdout}{logs.stderr}")


def test_realtime_has_its_schema(database):
    owner = "select nspowner::regrole from pg_namespace where nspname = '_realtime'"
    assert database.value(owner) == "supabase_admin"


def test_the_platforms_own_services_have_their_database_and_schemas(database):
    assert database.value("select datdba::regrole from pg_database where datname = '_supabase'") == "supabase_admin"
    schemas = "select nspname, nspowner::regrole from pg_namespace where nspname in ('_analytics', '_supavisor')"
    # The pooler's file may be left out, by a row of the deviations table; mounted, it must do its work.
    pooler = {("_supavisor", "supabase_admin")} if "99-pooler.sql" in database.init_files else set()
    assert set(database.rows(schemas, database="_supabase")) == {("_analytics", "supabase_admin")} | pooler
    assert database.rows(schemas) == []


@pytest.mark.parametrize("role", sorted(ROLE_PASSWORDS))
def test_a_role_logs_in_with_its_own_password_only(database, role):
    own = ROLE_PASSWORDS[role]
    assert database.login(role, SECRETS[own])
    for other in sorted(set(ROLE_PASSWORDS.values()) - {own}):
        assert not database.login(role, SECRETS[other]), f"{role} logs in with {other}"


def test_the_service_roles_have_separate_passwords():
    names = [name for role, name in ROLE_PASSWORDS.items() if role not in ("supabase_admin", "postgres")]
    assert len({SECRETS[name] for name in [*names, "postgres_password"]}) == 6


def test_the_database_knows_the_token_expiry_but_not_the_secret(database):
    setting = "select unnest(setconfig) from pg_db_role_setting where setdatabase <> 0 and setrole = 0"
    assert [row for row in database.rows(setting) if row[0].startswith("app.settings.")] == [
        (f"app.settings.jwt_exp={JWT_EXPIRY}",)
    ]
    assert database.value("select current_setting('app.settings.jwt_exp')") == str(JWT_EXPIRY)
    assert database.value("select current_setting('app.settings.jwt_secret', true) is null") == "t"


def test_the_vault_key_is_the_projects(database):
    key = _docker("exec", database.container, "cat", "/etc/postgresql-custom/pgsodium_root.key")
    assert key == SECRETS["pgsodium_root_key"]


def test_postgres_is_no_superuser_any_more(database):
    attributes = "select rolsuper, rolcreatedb, rolcreaterole, rolcanlogin, rolreplication, rolbypassrls from pg_roles"
    assert database.rows(f"{attributes} where rolname = 'postgres'") == [("f", "t", "t", "t", "t", "t")]


class TestWebhooks:
    """98-webhooks.sql."""

    def test_pg_net_stands_in_the_schema_extensions(self, database):
        sql = "select extnamespace::regnamespace from pg_extension where extname = 'pg_net'"
        assert database.value(sql) == "extensions"

    def test_the_schema_is_the_admins_and_open_to_the_api_roles(self, database):
        sql = "select nspowner::regrole from pg_namespace where nspname = 'supabase_functions'"
        assert database.value(sql) == "supabase_admin"
        for role in GRANTEES:
            assert database.value(f"select has_schema_privilege('{role}', 'supabase_functions', 'usage')") == "t", role

    def test_new_objects_in_the_schema_are_granted_to_the_api_roles(self, database):
        sql = """select distinct a.grantee::regrole, d.defaclobjtype from pg_default_acl d, aclexplode(d.defaclacl) a
                 where d.defaclnamespace = 'supabase_functions'::regnamespace"""
        granted = {(role, kind) for role, kind in database.rows(sql)}
        assert granted >= {(role, kind) for role in GRANTEES for kind in "rSf"}

    def test_the_tables(self, database):
        sql = """select table_name, column_name, data_type from information_schema.columns
                 where table_schema = 'supabase_functions' order by table_name, ordinal_position"""
        assert database.rows(sql) == [
            ("hooks", "id", "bigint"),
            ("hooks", "hook_table_id", "integer"),
            ("hooks", "hook_name", "text"),
            ("hooks", "created_at", "timestamp with time zone"),
            ("hooks", "request_id", "bigint"),
            ("migrations", "version", "text"),
            ("migrations", "inserted_at", "timestamp with time zone"),
        ]

    def test_the_primary_keys_and_indexes(self, database):
        sql = """select c.relname, i.indisprimary, string_agg(a.attname, ',' order by k.place) from pg_index i
                 join pg_class c on c.oid = i.indrelid
                 cross join unnest(i.indkey::int2[]) with ordinality k(number, place)
                 join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
                 where c.relnamespace = 'supabase_functions'::regnamespace
                 group by i.indexrelid, c.relname, i.indisprimary order by 1, 2, 3"""
        assert database.rows(sql) == [
            ("hooks", "f", "hook_table_id,hook_name"),
            ("hooks", "f", "request_id"),
            ("hooks", "t", "id"),
            ("migrations", "t", "version"),
        ]

    def test_the_rows_of_its_own_migrations(self, database):
        sql = "select version from supabase_functions.migrations order by version"
        assert database.rows(sql) == [("20210809183423_update_grants",), ("initial",)]

    def test_the_role_that_owns_them(self, database):
        sql = """select rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication from pg_roles
                 where rolname = 'supabase_functions_admin'"""
        assert database.rows(sql) == [("f", "f", "t", "f", "t", "f")]
        owned = """select relowner::regrole from pg_class where relnamespace = 'supabase_functions'::regnamespace
                   and relkind = 'r' union select proowner::regrole from pg_proc
                   where pronamespace = 'supabase_functions'::regnamespace"""
        assert database.rows(owned) == [("supabase_functions_admin",)]
        assert database.value("select pg_has_role('postgres', 'supabase_functions_admin', 'member')") == "t"
        path = "select array_to_string(rolconfig, ';') from pg_roles where rolname = 'supabase_functions_admin'"
        assert "search_path=supabase_functions" in database.value(path)

    def test_an_obsolete_role_is_gone(self, database):
        assert database.value("select count(*) from pg_roles where rolname = 'supabase_pg_net_admin'") == "0"

    @pytest.mark.parametrize(
        ("schema", "name"), [("supabase_functions", "http_request"), ("net", "http_get"), ("net", "http_post")]
    )
    def test_the_functions_are_hardened(self, database, schema, name):
        function = f"to_regproc('{schema}.{name}')"
        sql = f"select prosecdef, array_to_string(proconfig, ';') from pg_proc where oid = {function}"
        [(definer, configuration)] = database.rows(sql)
        assert definer == "t"
        assert f"search_path={schema}" in configuration
        grants = """select coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC') from pg_proc p,
                    aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where p.oid = FUNCTION"""
        grants = grants.replace("FUNCTION", function)
        grantees = {role for (role,) in database.rows(grants)}
        assert "PUBLIC" not in grantees
        assert grantees >= set(GRANTEES)

    def test_the_event_trigger(self, database):
        sql = """select evtevent, array_to_string(evttags, ','), pronamespace::regnamespace || '.' || proname
                 from pg_event_trigger join pg_proc on pg_proc.oid = evtfoid where evtname = 'issue_pg_net_access'"""
        assert database.rows(sql) == [("ddl_command_end", "CREATE EXTENSION", "extensions.grant_pg_net_access")]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ("'null', 'POST'", "url"),
            ("'http://example.com/', 'null'", "method"),
            ("'http://example.com/', 'PUT'", "PUT"),
            ("", "url"),
        ],
    )
    def test_a_wrong_trigger_is_refused(self, database, arguments, message):
        statements = """begin; create table public.told (id int); create trigger hook after insert on public.told
            for each row execute function supabase_functions.http_request(ARGUMENTS);
            insert into public.told values (1); rollback"""
        told = database.error(statements.replace("ARGUMENTS", arguments))
        assert message in told

    # pg_net has no Debian package: its two functions are replaced inside the transaction, with the official signature,
    # and write down what they are called with.
    RECORDING = """begin;
        create table public.calls (verb text, url text, body jsonb, params jsonb, headers jsonb, patience int);
        grant all on public.calls to public;
        create or replace function net.http_post(url text, body jsonb default '{}', params jsonb default '{}',
          headers jsonb default '{"Content-Type": "application/json"}', timeout_milliseconds int default 5000)
          returns bigint language sql
          as $$ insert into public.calls values ('POST', $1, $2, $3, $4, $5) returning 41 $$;
        create or replace function net.http_get(url text, params jsonb default '{}', headers jsonb default '{}',
          timeout_milliseconds int default 5000)
          returns bigint language sql
          as $$ insert into public.calls values ('GET', $1, null, $2, $3, $4) returning 42 $$;
        create table public.told (id int);
        create trigger hook after insert or update on public.told for each row execute function
          supabase_functions.http_request(%s);
        insert into public.told values (7);
        %s;
        rollback"""

    def test_a_post_carries_the_record_and_is_written_down(self, database):
        arguments = "'http://example.com/hook', 'POST', '{\"x\": \"y\"}', '{\"a\": \"b\"}', '2500'"
        query = """update public.told set id = 8;
            select body from public.calls where verb = 'POST' order by body ->> 'type'"""
        bodies = [
            json.loads("|".join(row)) for row in database.rows(self.RECORDING % (arguments, query)) if row[0][:1] == "{"
        ]
        common = {"schema": "public", "table": "told"}
        assert bodies == [
            {"type": "INSERT", "record": {"id": 7}, "old_record": None, **common},
            {"type": "UPDATE", "record": {"id": 8}, "old_record": {"id": 7}, **common},
        ]

    def test_headers_params_and_patience_are_passed_on(self, database):
        arguments = "'http://example.com/hook', 'POST', '{\"x\": \"y\"}', '{\"a\": \"b\"}', '2500'"
        query = "select url, headers, params, patience from public.calls"
        rows = database.rows(self.RECORDING % (arguments, query))
        assert ("http://example.com/hook", '{"x": "y"}', '{"a": "b"}', "2500") in rows

    def test_what_a_trigger_leaves_out_has_a_default(self, database):
        arguments = "'http://example.com/hook', 'GET'"
        query = "select headers, params, patience from public.calls where verb = 'GET'"
        rows = database.rows(self.RECORDING % (arguments, query))
        assert ('{"Content-Type": "application/json"}', "{}", "1000") in rows

    def test_the_request_is_written_down(self, database):
        arguments = "'http://example.com/hook', 'GET'"
        query = """select hook_table_id = 'public.told'::regclass::oid::int, hook_name, request_id
            from supabase_functions.hooks"""
        assert ("t", "hook", "42") in database.rows(self.RECORDING % (arguments, query))
