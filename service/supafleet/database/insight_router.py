"""`/v1/projects/{ref}/advisors` and `/v1/projects/{ref}/analytics/endpoints`."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query

from supafleet.database import advisors, log_queries, project_logs
from supafleet.database.log_queries import LogQuery
from supafleet.database.reach import GatewaysDep, ReachedDep
from supafleet.database.schemas import Lints, LogRows
from supafleet.deps import needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.routing import Router

router = Router(prefix="/v1/projects/{ref}", tags=["Database"])

_REFUSALS = responses(400, 401, 403, 404, 409, 422, 429, 501, 502, 504)
_Sql = Annotated[
    str,
    Query(
        description="select <columns> ... order by timestamp desc limit <number>; unset: the newest requests that the "
        "gateway saw.",
        max_length=4000,
    ),
]
_Start = Annotated[datetime | None, Query(alias="iso_timestamp_start", description="No row before this time.")]
_End = Annotated[datetime | None, Query(alias="iso_timestamp_end", description="No row after this time.")]


@router.get(
    "/advisors/security",
    operation_id="v1-get-security-advisors",
    response_model_exclude_none=True,
    responses=_REFUSALS,
    dependencies=needs(Permission.ADVISORS_READ),
)
async def advise_on_security(
    project: ReachedDep,
    gateways: GatewaysDep,
    _lint_type: Annotated[Literal["sql"] | None, Query(alias="lint_type", description="The one kind there is.")] = None,
) -> Lints:
    """Look at the project's database for what lets in whom it should not."""
    return await advisors.advise(gateways, project, "SECURITY")


@router.get(
    "/advisors/performance",
    operation_id="v1-get-performance-advisors",
    response_model_exclude_none=True,
    responses=_REFUSALS,
    dependencies=needs(Permission.ADVISORS_READ),
)
async def advise_on_performance(project: ReachedDep, gateways: GatewaysDep) -> Lints:
    """Look at the project's database for what makes it slow."""
    return await advisors.advise(gateways, project, "PERFORMANCE")


@router.get(
    "/analytics/endpoints/logs",
    operation_id="v1-get-project-logs",
    responses=_REFUSALS,
    dependencies=needs(Permission.ANALYTICS_LOGS_READ),
)
async def read_logs(
    project: ReachedDep,
    gateways: GatewaysDep,
    sql: _Sql = log_queries.DEFAULT_UNIFIED,
    start: _Start = None,
    end: _End = None,
) -> LogRows:
    """Read the newest rows of one source of logs, asked for as the one table `logs`."""
    return await _answer(project, gateways, log_queries.read_unified(sql), start, end)


@router.get(
    "/analytics/endpoints/logs.all",
    operation_id="v1-get-project-logs-all",
    responses=_REFUSALS,
    dependencies=needs(Permission.ANALYTICS_LOGS_READ),
)
async def read_all_logs(
    project: ReachedDep,
    gateways: GatewaysDep,
    sql: _Sql = log_queries.DEFAULT_PER_TABLE,
    start: _Start = None,
    end: _End = None,
) -> LogRows:
    """Read the newest rows of one source of logs, asked for by its table."""
    return await _answer(project, gateways, log_queries.read_per_table(sql), start, end)


async def _answer(
    project: ReachedDep, gateways: GatewaysDep, query: LogQuery, start: datetime | None, end: datetime | None
) -> LogRows:
    return LogRows(result=await project_logs.read_logs(gateways, project, query, start, end))
