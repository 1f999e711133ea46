"""The unmodified official MCP server works on a project, tool by tool, and the docs say which do."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from supafleet.content import content_root
from tests.e2e.live_service import LiveService
from tests.e2e.running.conftest import LiveProject
from tests.e2e.running.mcp_server import McpServer, mcp_server

pytestmark = pytest.mark.docker

PAGE = content_root() / "docs" / "reference" / "supabase-mcp.md"
CODE = 'Deno.serve(() => new Response("hello by mcp"));\n'
#: Tools that need what is not there: branches, and logs by any SQL.
TRUTHFULLY_REFUSED = {"create_branch", "delete_branch", "merge_branch", "rebase_branch", "reset_branch", "query_logs"}
#: What the tests of the lifecycle hold, or what asks nothing of the service.
NOT_CALLED = {"create_project", "pause_project", "restore_project", "confirm_cost", "get_project_url"}


class Table:
    """What was seen of each tool."""

    def __init__(self, server: McpServer) -> None:
        self.server = server
        self.seen: dict[str, bool] = {}

    def call(self, tool: str, *, sees: str, **arguments: object) -> str:
        is_done, said = self.server.call(tool, **arguments)
        self.seen[tool] = is_done and sees in said and self.seen.get(tool, True)
        if not self.seen[tool]:
            print(f"--- {tool} {arguments}: {said}")
        return said

    def __str__(self) -> str:
        rows = [f"| `{tool}` | {'yes' if is_right else 'no'} |" for tool, is_right in self.seen.items()]
        return "\n".join(["| tool | works |", "|---|---|", *rows])


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mcp")


@pytest.fixture
def table(programs: Path, service: LiveService) -> Iterator[Table]:
    with mcp_server(programs, service) as server:
        yield Table(server)


def test_the_official_mcp_server_works(
    table: Table, service: LiveService, projects: tuple[LiveProject, LiveProject]
) -> None:
    project = projects[0]
    account(table, service, project)
    database(table, project)
    debugging(table, project)
    functions(table, project)
    storage(table, project)
    print(table)
    assert set(table.seen.values()) == {True}
    assert str(table) in PAGE.read_text(), "docs/reference/supabase-mcp.md tells what was just seen"


def account(table: Table, service: LiveService, project: LiveProject) -> None:
    with service.client() as api:
        slug = api.get("/v1/organizations").json()[0]["slug"]
    table.call("list_organizations", sees=slug)
    table.call("get_organization", sees='"plan":"free"', id=slug)
    table.call("list_projects", sees=project.ref)
    table.call("get_project", sees="ACTIVE_HEALTHY", id=project.ref)
    table.call("get_cost", sees='"amount":0', type="project", organization_id=slug)


def database(table: Table, project: LiveProject) -> None:
    migration = "create table public.by_mcp (id int8 primary key, title text)"
    table.call("apply_migration", sees="true", project_id=project.ref, name="by_mcp", query=migration)
    table.call("list_migrations", sees="by_mcp", project_id=project.ref)
    table.call("list_tables", sees='"name":"public.by_mcp"', project_id=project.ref, schemas=["public"])
    table.call("list_extensions", sees="uuid-ossp", project_id=project.ref)
    insert = "insert into public.by_mcp values (1, 'tried') returning id"
    table.call("execute_sql", sees='{\\"id\\":1}', project_id=project.ref, query=insert)
    table.call("generate_typescript_types", sees="by_mcp", project_id=project.ref)


def debugging(table: Table, project: LiveProject) -> None:
    table.call("get_advisors", sees="rls_disabled_in_public", project_id=project.ref, type="security")
    table.call("get_advisors", sees="lints", project_id=project.ref, type="performance")
    table.call("get_logs", sees="/pg/query", project_id=project.ref, service="api")
    table.call("get_publishable_keys", sees=project.anon_key, project_id=project.ref)


def functions(table: Table, project: LiveProject) -> None:
    code = [{"name": "index.ts", "content": CODE}]
    deployment = {"name": "by-mcp", "entrypoint_path": "index.ts", "verify_jwt": True, "files": code}
    table.call("deploy_edge_function", sees="ACTIVE", project_id=project.ref, **deployment)
    answer = httpx.post(
        f"{project.url}/functions/v1/by-mcp", headers={"Authorization": f"Bearer {project.anon_key}"}, timeout=30
    )
    assert (answer.status_code, answer.text) == (200, "hello by mcp")
    table.call("list_edge_functions", sees='"entrypoint_path":"index.ts"', project_id=project.ref)
    said = table.call("get_edge_function", sees="hello by mcp", project_id=project.ref, function_slug="by-mcp")
    assert '"files":[{"name":"index.ts"' in said


def storage(table: Table, project: LiveProject) -> None:
    table.call("list_storage_buckets", sees="buckets", project_id=project.ref)
    table.call("get_storage_config", sees="fileSizeLimit", project_id=project.ref)
    table.call("list_branches", sees='"branches":[]', project_id=project.ref)


def test_no_tool_is_forgotten(table: Table, projects: tuple[LiveProject, LiveProject]) -> None:
    told = PAGE.read_text()
    for tool in table.server.tools():
        assert f"`{tool}`" in told, tool
    for tool in TRUTHFULLY_REFUSED | NOT_CALLED:
        assert f"`{tool}`" in told, tool


def test_a_server_that_only_reads_cannot_write(
    programs: Path, service: LiveService, projects: tuple[LiveProject, LiveProject]
) -> None:
    with mcp_server(programs, service, "--read-only", "--project-ref", projects[1].ref) as server:
        is_done, said = server.call("execute_sql", query="create table public.forbidden (id int)")
        assert not is_done
        assert "read-only" in said
        assert server.call("execute_sql", query="select 40 + 2 as answer")[0]
        assert "apply_migration" not in server.tools()
