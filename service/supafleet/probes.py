"""`/healthz` and `/readyz`: whether the process lives, and whether it can work."""

import structlog
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from supafleet.db import EngineDep, ping
from supafleet.errors import NotReady, responses
from supafleet.routing import Router

log = structlog.get_logger(__name__)

router = Router(tags=["Probes"])


class Probe(BaseModel):
    """A good answer."""

    status: str = "ok"


@router.get("/healthz", operation_id="healthz")
def get_health() -> Probe:
    """Tell that the process lives."""
    return Probe()


@router.get("/readyz", operation_id="readyz", responses=responses(503))
def get_readiness(engine: EngineDep) -> Probe:
    """Tell that the service can work: it has started and its database answers."""
    try:
        ping(engine)
    except SQLAlchemyError as error:
        log.warning("database.unreachable", error=type(error).__name__)
        raise NotReady("The database does not answer.") from error
    return Probe()
