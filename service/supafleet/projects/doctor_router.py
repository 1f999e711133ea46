"""`/fleet/doctor`: what is not as it should be, and the removal of what nobody knows."""

from typing import Annotated

from fastapi import Path

from supafleet.db import EngineDep, SessionDep
from supafleet.deps import CurrentActor, JobsDep, SettingsDep, needs
from supafleet.errors import responses
from supafleet.permissions import Permission
from supafleet.projects import doctor
from supafleet.projects.schemas import HostReport
from supafleet.routing import Router
from supafleet.runs import service as runs
from supafleet.runs.schemas import RunOut
from supafleet.waiting import waits

router = Router(prefix="/fleet", tags=["Fleet"])


@router.get(
    "/doctor",
    operation_id="fleet-examine",
    responses=responses(401, 403),
    dependencies=needs(Permission.FLEET_HOSTS_READ),
)
@waits
def examine(engine: EngineDep, settings: SettingsDep) -> list[HostReport]:
    """Look at every Docker host now and name what is not as the database has it."""
    return doctor.examine(engine, settings)


@router.delete(
    "/hosts/{host}/orphans/{ref}",
    operation_id="fleet-remove-orphan",
    responses=responses(401, 403, 404, 409),
    dependencies=needs(Permission.FLEET_HOSTS_WRITE),
)
def remove_orphan(
    host: Annotated[str, Path(description="Name of the Docker host.")],
    ref: Annotated[str, Path(description="Ref that the latest look found without a project.")],
    session: SessionDep,
    actor: CurrentActor,
    jobs: JobsDep,
) -> RunOut:
    """Begin to remove everything that an unknown project of this installation has on a host: the run."""
    return runs.render_run(session, doctor.remove_orphan(session, jobs, host, ref, actor))
