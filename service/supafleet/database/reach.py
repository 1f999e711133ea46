"""What routes about a project's database ask for: its project, and the way to the gateways."""

from typing import Annotated

from fastapi import Depends

from supafleet.database.gateway import Gateways, ReachedProject, get_gateways
from supafleet.database.service import locate
from supafleet.db import EngineDep
from supafleet.deps import CurrentActor, ProjectRef, SettingsDep

GatewaysDep = Annotated[Gateways, Depends(get_gateways)]


def get_reached_project(
    ref: ProjectRef, engine: EngineDep, actor: CurrentActor, settings: SettingsDep
) -> ReachedProject:
    """The project of the path, when it is up; nothing of our own database is held while its own is asked."""
    return locate(engine, ref, actor, settings)


ReachedDep = Annotated[ReachedProject, Depends(get_reached_project)]
