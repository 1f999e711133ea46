"""The application: built by `create_app`, nothing happens at import."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import version

import structlog
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from sqlalchemy.engine import Engine
from starlette.routing import BaseRoute

from supafleet.accounts.account_router import router as account_router
from supafleet.accounts.auth_router import router as auth_router
from supafleet.accounts.router import router as accounts_router
from supafleet.accounts.signing import TokenSigner
from supafleet.api_keys.router import router as api_keys_router
from supafleet.audit.recording import AuditRecord
from supafleet.audit.router import router as audit_router
from supafleet.bootstrap import prepare
from supafleet.database.gateway import Gateways
from supafleet.database.history_router import router as history_router
from supafleet.database.insight_router import router as insight_router
from supafleet.database.router import router as database_router
from supafleet.db import engine_from_url, reading
from supafleet.document import install_document
from supafleet.errors import StartRefused, register_error_handlers
from supafleet.functions.router import router as functions_router
from supafleet.functions.secrets_router import router as function_secrets_router
from supafleet.hosts.router import router as hosts_router
from supafleet.jobs.engine import JobEngine, build_job_engine, build_queueing_engine
from supafleet.logs import configure_logging
from supafleet.middleware import RequestLog
from supafleet.official.entitlements_router import router as entitlements_router
from supafleet.official.router import unbuilt_router
from supafleet.organizations.members_router import router as members_router
from supafleet.organizations.router import router as organizations_router
from supafleet.probes import router as probes_router
from supafleet.project_config.document_router import router as config_document_router
from supafleet.project_config.router import router as config_router
from supafleet.projects.doctor_router import router as doctor_router
from supafleet.projects.fleet_router import router as fleet_projects_router
from supafleet.projects.lifecycle_router import router as lifecycle_router
from supafleet.projects.logs import LogReaders
from supafleet.projects.logs_router import router as logs_router
from supafleet.projects.network_router import router as network_router
from supafleet.projects.offers_router import router as offers_router
from supafleet.projects.organization_router import router as organization_projects_router
from supafleet.projects.router import router as projects_router
from supafleet.rate_limits import RATE_LIMIT_HEADERS, RateLimits
from supafleet.routing import RouteIndex
from supafleet.rows import rows_of
from supafleet.runner.launcher import PlaybookLauncher
from supafleet.runs.router import router as runs_router
from supafleet.secrets import installation
from supafleet.secrets.cipher import load_cipher
from supafleet.settings import Settings
from supafleet.studio.absent_router import router as studio_absent_router
from supafleet.studio.pg_meta_router import router as studio_pg_meta_router
from supafleet.studio.project_router import router as studio_projects_router
from supafleet.studio.router import router as studio_router

log = structlog.get_logger(__name__)


def create_app(settings: Settings | None = None, launcher: PlaybookLauncher | None = None) -> FastAPI:
    """The service as one ASGI application.

    Args:
        settings: read from the environment when None.
        launcher: starts playbooks; ansible-runner when None, a scripted one in tests.
    """
    chosen = settings or Settings()

    def build_jobs(engine: Engine) -> JobEngine:
        if not chosen.embedded_worker:
            return build_queueing_engine(chosen)
        return build_job_engine(chosen, engine, launcher)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        configure_logging(chosen)
        engine = engine_from_url(chosen.resolved_database_url)
        rows = rows_of(engine)
        try:
            await run_in_threadpool(prepare, chosen, engine)
            app.state.engine, app.state.rows = engine, rows
            app.state.signer = await run_in_threadpool(_load_signer, chosen, engine)
            app.state.jobs = build_jobs(engine)
            await run_in_threadpool(app.state.jobs.start)
            app.state.log_readers = LogReaders(chosen, engine, launcher)
            await run_in_threadpool(app.state.log_readers.start)
            app.state.gateways = Gateways()
            log.info("service.started", url=chosen.resolved_public_url, database=engine.dialect.name)
            yield
            await app.state.gateways.close()
            await app.state.log_readers.stop()
            await run_in_threadpool(app.state.jobs.stop)
            log.info("service.stopped")
        except StartRefused as error:
            log.error("service.refused", reason=error.message)
            raise
        finally:
            await rows.close()
            engine.dispose()

    # FastAPI alone has browsers fetch the program of its pages from elsewhere: blank without a way out.
    app = FastAPIOffline(
        title="Supafleet",
        description="Provisions and runs complete self-hosted Supabase projects on Docker hosts.",
        version=version("supafleet"),
        lifespan=lifespan,
        servers=[{"url": chosen.resolved_public_url}],
        swagger_ui_parameters={"docExpansion": "none", "filter": True, "persistAuthorization": True},
    )
    app.state.settings = chosen
    register_error_handlers(app)
    _add_middleware(app, chosen)
    app.router.routes[:0] = _routes()
    install_document(app)
    return app


@cache  # they know nothing of an application, and to make them takes longer than all the rest
def _routes() -> tuple[BaseRoute, ...]:
    """Every route of the API, behind what finds them."""
    routers = (
        organizations_router,
        entitlements_router,
        members_router,
        organization_projects_router,
        accounts_router,
        auth_router,
        account_router,
        audit_router,
        offers_router,  # before the routes of one project: it has fixed words where those have a ref
        projects_router,
        lifecycle_router,
        config_router,
        config_document_router,
        network_router,
        doctor_router,
        fleet_projects_router,
        logs_router,
        function_secrets_router,
        api_keys_router,
        database_router,
        history_router,
        insight_router,
        hosts_router,
        runs_router,
        probes_router,
        studio_router,
        studio_projects_router,
        studio_absent_router,
        studio_pg_meta_router,
        functions_router,
    )
    # Last: what is built wins over the refusal of the same place.
    routes = [route for router in (*routers, unbuilt_router(routers)) for route in router.routes]
    return RouteIndex(routes), *routes


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    # The last one is the outermost: a page of another origin may read a refusal for too many requests, too.
    app.add_middleware(AuditRecord)
    app.add_middleware(RateLimits, per_token=settings.rate_limit_per_token, per_address=settings.rate_limit_per_address)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_credentials=True,
            allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["*"],
            expose_headers=[*RATE_LIMIT_HEADERS, "Retry-After", "X-Request-Id"],
        )
    app.add_middleware(RequestLog)


def _load_signer(settings: Settings, engine: Engine) -> TokenSigner:
    with reading(engine) as session:
        key = installation.reveal(session, load_cipher(settings), installation.ACCESS_TOKEN_KEY)
    return TokenSigner(key, settings.resolved_installation)
