"""The contract test can fail: each planted fault is reported by its service and field, with both values."""

import re
from dataclasses import replace

import pytest
from deviations import Row, differences, judge, read_rows, row_context, stale_rows
from official_stack import official_fields
from rendered_stack import rendered_fields, stack_of
from stack_cases import CASES

from supafleet.content import content_root

CASE = CASES[0]
ROWS = read_rows(content_root() / "roles/project_stack/releases/2026.09/deviations.yml")


@pytest.fixture(scope="module")
def pristine():
    return stack_of(CASE)


@pytest.fixture
def stack(pristine):
    return pristine.copy()


def problems(stack, rows=ROWS):
    found = differences(official_fields(CASE), rendered_fields(stack))
    return judge(found, rows, row_context(CASE, stack.compose), CASE.name).problems


def new_problems(stack, pristine):
    return sorted(set(problems(stack)) - set(problems(pristine)))


def _service(stack, name):
    return next(service for service in stack.kong["services"] if service["name"] == name)


def _plugin(stack, service, name):
    holder = _service(stack, service)
    plugins = [*holder.get("plugins", []), *(p for route in holder["routes"] for p in route.get("plugins", []))]
    return next(plugin for plugin in plugins if plugin["name"] == name)


def test_a_wrong_image(stack, pristine):
    stack.compose["services"]["auth"]["image"] = "supabase/gotrue:v2.195.0"
    [problem] = new_problems(stack, pristine)
    assert problem.startswith("auth: image is 'supabase/gotrue:v2.195.0' but officially 'supabase/gotrue:v2.196.0'")


def test_a_missing_variable(stack, pristine):
    del stack.environments["storage"]["REQUEST_ALLOW_X_FORWARDED_PATH"]
    [problem] = new_problems(stack, pristine)
    assert problem.startswith("storage: environment.REQUEST_ALLOW_X_FORWARDED_PATH is absent but officially 'true'")


def test_a_variable_too_many(stack, pristine):
    stack.environments["rest"]["PGRST_APP_SETTINGS_JWT_SECRET"] = "leaked"
    [problem] = new_problems(stack, pristine)
    assert problem.startswith("rest: environment.PGRST_APP_SETTINGS_JWT_SECRET is 'leaked' but officially absent")


def test_a_variable_with_another_secret(stack, pristine):
    stack.environments["meta"]["CRYPTO_KEY"] = CASE.secrets["jwt_secret"]
    [problem] = new_problems(stack, pristine)
    assert problem.startswith("meta: environment.CRYPTO_KEY is")


def test_a_changed_route_plugin(stack, pristine):
    _plugin(stack, "meta", "acl")["config"]["allow"] = ["admin", "anon"]
    [problem] = new_problems(stack, pristine)
    assert problem.startswith("kong: routes.meta.acl.allow is ['admin', 'anon'] but officially ['admin']")


def test_a_plugin_taken_away(stack, pristine):
    for holder in (_service(stack, "dashboard"), *_service(stack, "dashboard")["routes"]):
        holder["plugins"] = [plugin for plugin in holder.get("plugins", []) if plugin["name"] != "basic-auth"]
    told = new_problems(stack, pristine)
    assert any(problem.startswith("kong: routes.dashboard.plugins is ['cors']") for problem in told)


def test_an_added_host_restriction_on_a_route(stack, pristine):
    _service(stack, "rest-v1")["routes"][0]["hosts"] = ["example.com"]
    [problem] = new_problems(stack, pristine)
    assert problem.startswith("kong: routes.rest-v1.hosts is ['example.com'] but officially absent")


def test_routes_in_another_order(stack, pristine):
    stack.kong["services"].reverse()
    [problem] = new_problems(stack, pristine)
    assert problem.startswith("kong: routes.order is")


def test_lua_that_keeps_nobodys_token(stack, pristine):
    config = _plugin(stack, "rest-v1", "request-transformer")["config"]
    config["replace"]["headers"] = ["Authorization: $(headers.apikey)"]
    told = new_problems(stack, pristine)
    assert any(problem.startswith("kong: routes.rest-v1.transform.authorization.user-token is") for problem in told)


def test_a_consumer_in_another_group(stack, pristine):
    for acl in [*stack.kong.get("acls", []), *(a for c in stack.kong["consumers"] for a in c.get("acls", []))]:
        acl["group"] = "admin"
    [problem] = new_problems(stack, pristine)
    assert problem.startswith("kong: consumers.anon.groups is ['admin'] but officially ['anon']")


def test_a_key_of_a_consumer_that_is_not_declared(stack, pristine):
    stack.kong["keyauth_credentials"] = [{"consumer": "stranger", "key": "let-me-in"}]
    stack.kong["acls"].append({"consumer": "stranger", "group": "admin"})
    told = new_problems(stack, pristine)
    names = "['DASHBOARD', 'anon', 'service_role', 'stranger']"
    assert [problem.split(" but ")[0] for problem in told] == [
        f"kong: consumers is {names}",
        "kong: consumers.stranger.groups is ['admin']",
        "kong: consumers.stranger.keys is ['let-me-in']",
    ]


def test_a_consumer_too_many(stack, pristine):
    stack.kong["consumers"].append({"username": "stranger"})
    [problem] = new_problems(stack, pristine)
    assert problem.startswith("kong: consumers is ['DASHBOARD', 'anon', 'service_role', 'stranger'] but officially")


def test_a_dropped_sink(stack, pristine):
    name = next(name for name, sink in stack.vector["sinks"].items() if "gotrue.logs.prod" in sink["uri"])
    del stack.vector["sinks"][name]
    told = new_problems(stack, pristine)
    assert any(problem.startswith("vector: pipeline.gotrue.logs.prod.uri is absent") for problem in told)


def test_an_output_field_renamed_in_a_program(stack, pristine):
    program = stack.vector["transforms"]["functions_logs"]["source"]
    stack.vector["transforms"]["functions_logs"]["source"] = program.replace("project_ref", "project")
    [problem] = new_problems(stack, pristine)
    assert problem.startswith("vector: pipeline.functions_logs.outputs is ['.metadata.project']")


def test_a_role_without_a_password(stack, pristine):
    stack.sql["99-roles.sql"] = re.sub(r"(?m)^.*pgbouncer.*PASSWORD.*$", "", stack.sql["99-roles.sql"], flags=re.I)
    [problem] = new_problems(stack, pristine)
    assert problem.startswith("db: sql.99-roles.sql is")


def test_the_jwt_secret_in_the_database(stack, pristine):
    stack.sql["99-jwt.sql"] += """\nALTER DATABASE postgres SET "app.settings.jwt_secret" TO :'jwt_secret';\n"""
    [problem] = new_problems(stack, pristine)
    assert problem.startswith("db: sql.99-jwt.sql is")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("GRANT ALL ON SCHEMA public TO anon;", "grant all on schema public to anon"),
        ("CREATE ROLE stranger\n  SUPERUSER;", "create role stranger superuser"),
        ("ALTER ROLE anon PASSWORD 'known';", "alter role anon password 'known'"),
        ("DO $$ BEGIN EXECUTE 'drop table x'; END $$;", "do about drop table x"),
        ("DO $x$ BEGIN PERFORM 1; END $x$;", "do"),
        ("\\i /somewhere/else.sql", "\\i /somewhere/else.sql"),
        ("\\set x `cat /etc/passwd`", "\\set x `cat /etc/passwd`"),
    ],
)
def test_a_statement_that_nobody_expects(stack, pristine, statement, told):
    stack.sql["99-logs.sql"] += f"{statement}\n"
    problems = new_problems(stack, pristine)
    assert any(problem.startswith(f"db: sql.99-logs.sql.{told} is 1 but officially absent") for problem in problems)


def test_one_more_statement_of_a_kind_that_is_there(stack, pristine):
    stack.sql["98-webhooks.sql"] += "DO $$ BEGIN PERFORM 'issue_pg_net_access'; END $$;\n"
    [problem] = new_problems(stack, pristine)
    assert problem.startswith("db: sql.98-webhooks.sql.do about issue_pg_net_access is 2 but officially 1")


def test_a_variable_that_never_follows_its_setting():
    case = next(case for case in CASES if case.own_settings)
    stack = stack_of(case)
    stack.environments["auth"]["GOTRUE_MAILER_AUTOCONFIRM"] = "true"
    found = differences(official_fields(case), rendered_fields(stack))
    assert ("auth", "environment.GOTRUE_MAILER_AUTOCONFIRM") in {(one.service, one.field) for one in found}


@pytest.mark.parametrize(
    ("service", "key", "value", "field"),
    [
        ("storage", "restart", "always", "restart"),
        ("imgproxy", "privileged", True, "privileged"),
        ("analytics", "ports", ["4000:4000"], "ports"),
        ("studio", "volumes", ["./snippets:/app/snippets"], "mounts./app/edge-functions"),
        ("rest", "command", ["postgrest", "--dump-config"], "command"),
        ("realtime", "entrypoint", ["/bin/sh"], "entrypoint"),
        ("meta", "depends_on", {}, "depends_on.db"),
        ("functions", "healthcheck", {"disable": True}, "healthcheck.test"),
    ],
)
def test_a_changed_compose_key(stack, pristine, service, key, value, field):
    stack.compose["services"][service][key] = value
    assert any(problem.startswith(f"{service}: {field} is ") for problem in new_problems(stack, pristine))


@pytest.mark.parametrize(
    ("service", "target", "source", "official"),
    [
        ("functions", "/home/deno/functions", "snippets", "functions"),
        ("storage", "/var/lib/storage", "db-config", "storage"),
        ("db", "/docker-entrypoint-initdb.d/init-scripts/99-jwt.sql", "db/logs.sql", "db/jwt.sql"),
        ("studio", "/app/snippets", "../another/snippets", "snippets"),
    ],
)
def test_a_mount_of_something_else(stack, pristine, service, target, source, official):
    mount = next(one for one in stack.compose["services"][service]["volumes"] if one["target"] == target)
    mount["source"] = f"{stack.root}/{source}" if mount["type"] == "bind" else source
    [problem] = new_problems(stack, pristine)
    assert problem.startswith(f"{service}: mounts.{target}.source is '{source}' but officially '{official}'")


@pytest.mark.parametrize("networks", [{"default": None, "shared": None}, ["shared"]])
def test_another_network(stack, pristine, networks):
    stack.compose["services"]["rest"]["networks"] = networks
    [problem] = new_problems(stack, pristine)
    assert problem.startswith(f"rest: networks is {list(networks)} but officially ['default']")


def test_a_lost_alias(stack, pristine):
    for network in stack.compose["services"]["kong"]["networks"].values():
        network["aliases"] = []
    [problem] = new_problems(stack, pristine)
    assert problem.startswith("kong: aliases is ['kong'] but officially ['api-gw', 'envoy', 'kong']")


def test_a_service_left_out(stack, pristine):
    del stack.compose["services"]["imgproxy"]
    assert any(problem.startswith("imgproxy: image is absent") for problem in new_problems(stack, pristine))


def test_a_row_with_another_value_covers_nothing(stack):
    row = next(row for row in ROWS if row.field == "environment.GOTRUE_DB_DATABASE_URL")
    others = [replace(row, ours="postgres://elsewhere") if row is other else other for other in ROWS]
    told = [problem for problem in problems(stack, others) if "GOTRUE_DB_DATABASE_URL" in problem]
    assert len(told) == 1
    assert f"row {row.number} names the field, but with 'postgres://elsewhere'" in told[0]


def test_a_second_row_for_one_difference(stack):
    row = next(row for row in ROWS if row.field == "environment.GOTRUE_DB_DATABASE_URL")
    told = problems(stack, [*ROWS, replace(row, number=len(ROWS) + 1)])
    assert f"auth: environment.GOTRUE_DB_DATABASE_URL is covered by 2 rows: {row.number}, {len(ROWS) + 1}" in told


def test_a_row_that_covers_nothing():
    row = Row(1, "auth", "image", "supabase/gotrue:v2.196.0", "supabase/gotrue:v1", "Nobody needs this row.")
    assert stale_rows([row], set()) == ["row 1 of deviations.yml (auth, image) covers no difference: remove it"]


def test_a_row_without_a_reason(tmp_path):
    table = tmp_path / "deviations.yml"
    table.write_text("- {service: db, field: image, upstream: a, ours: b, reason: why}\n")
    with pytest.raises(ValueError, match=r"row 1 of deviations\.yml gives no reason in words: 'why'"):
        read_rows(table)
