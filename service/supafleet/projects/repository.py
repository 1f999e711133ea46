"""Queries over projects, their services and their leases."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlmodel import Session, col, select

from supafleet.hosts.models import DockerHost
from supafleet.organizations.models import Membership, Organization, Place
from supafleet.organizations.repository import as_place, is_own_membership
from supafleet.projects.models import Placed, PortLease, Project, ProjectService, SubnetLease
from supafleet.projects.states import LIVE, Desired

# Every request for projects asks for these: built once.
_PLACE_OF_ANY = (
    select(col(Project.organization_id), col(Membership.role))
    .join(Membership, is_own_membership(Project.organization_id), isouter=True)
    .where(Project.ref == sa.bindparam("ref"))
)
_PLACE = _PLACE_OF_ANY.where(col(Project.removed_at).is_(None))
_WITH_PLACE = (
    select(Project, Organization, DockerHost, col(Membership.id).is_not(None))
    .join(Organization, col(Organization.id) == Project.organization_id)
    .join(DockerHost, col(DockerHost.id) == Project.host_id)
    .join(Membership, is_own_membership(Project.organization_id), isouter=True)
    .where(col(Project.removed_at).is_(None))
)
_PLACED = _WITH_PLACE.where(Project.ref == sa.bindparam("ref"))
_ALL_PLACED = _WITH_PLACE.where(col(Membership.id).is_not(None)).order_by(col(Project.id))


def find_project(session: Session, ref: str) -> Project | None:
    """The project that was not removed, or None."""
    statement = select(Project).where(Project.ref == ref, col(Project.removed_at).is_(None))
    return session.exec(statement).first()


def find_placed(session: Session, ref: str, account_id: int) -> tuple[Placed, bool] | None:
    """The project that was not removed, and whether the account belongs to its organization, or None."""
    row = session.exec(_PLACED, params={"ref": ref, "account_id": account_id}).first()
    return None if row is None else (Placed(row[0], row[1], row[2]), row[3])


def find_place(session: Session, ref: str, account_id: int, *, also_removed: bool = False) -> Place | None:
    """Where the account stands with the organization of a project, None when there is no such project."""
    statement = _PLACE_OF_ANY if also_removed else _PLACE
    return as_place(session.exec(statement, params={"ref": ref, "account_id": account_id}).first())


def lock_project(session: Session, ref: str) -> Project | None:
    """The project, its row locked until the transaction ends (SQLite locks the whole file anyway)."""
    statement = select(Project).where(Project.ref == ref, col(Project.removed_at).is_(None)).with_for_update()
    return session.exec(statement).first()


def find_project_by_name(session: Session, organization_id: int, name: str) -> Project | None:
    """The organization's project of that name that was not removed, or None."""
    statement = select(Project).where(
        Project.organization_id == organization_id, Project.name == name, col(Project.removed_at).is_(None)
    )
    return session.exec(statement).first()


def list_placed(session: Session, account_id: int) -> list[Placed]:
    """Projects of the account's organizations, oldest first."""
    return [Placed(*row[:3]) for row in session.exec(_ALL_PLACED, params={"account_id": account_id})]


def search_projects(session: Session, organization_id: int, search: str | None, sort: str) -> list[Project]:
    """The organization's projects whose name or ref holds a text, in order."""
    statement = select(Project).where(Project.organization_id == organization_id, col(Project.removed_at).is_(None))
    if search:
        found_in = (col(Project.name), col(Project.ref))
        statement = statement.where(sa.or_(*(column.icontains(search, autoescape=True) for column in found_in)))
    key, _, direction = sort.partition("_")
    column = sa.func.lower(Project.name) if key == "name" else col(Project.id)
    return list(session.exec(statement.order_by(column.desc() if direction == "desc" else column.asc())))


def count_projects_by_host(session: Session) -> dict[int, int]:
    """Projects that were not removed, by host id."""
    statement = (
        select(Project.host_id, sa.func.count()).where(col(Project.removed_at).is_(None)).group_by(col(Project.host_id))
    )
    return dict(session.exec(statement).all())


def list_projects_on(session: Session, host_id: int) -> list[Project]:
    """Projects of a Docker host that were not removed."""
    statement = select(Project).where(Project.host_id == host_id, col(Project.removed_at).is_(None))
    return list(session.exec(statement))


def list_refs_on(session: Session, host_id: int) -> list[str]:
    """Refs of the projects of a Docker host that were not removed."""
    return list(session.exec(select(Project.ref).where(Project.host_id == host_id, col(Project.removed_at).is_(None))))


def list_overdue(session: Session) -> list[Project]:
    """Active projects with wishes that no run has set out to apply."""
    statement = select(Project).where(
        Project.desired_state == Desired.ACTIVE,
        col(Project.removed_at).is_(None),
        col(Project.desired_generation) > col(Project.attempted_generation),
        col(Project.status).in_(LIVE),
    )
    return list(session.exec(statement))


def list_services(session: Session, project_ids: Iterable[int]) -> list[ProjectService]:
    """What was seen of the services of these projects."""
    statement = select(ProjectService).where(col(ProjectService.project_id).in_(list(project_ids)))
    return list(session.exec(statement))


def leased_ports(session: Session, host_id: int) -> set[int]:
    """Ports of the host that belong to a project."""
    return set(session.exec(select(PortLease.port).where(PortLease.host_id == host_id)))


def leased_subnets(session: Session, host_id: int) -> set[str]:
    """Subnets of the host that belong to a project."""
    return set(session.exec(select(SubnetLease.subnet).where(SubnetLease.host_id == host_id)))


def delete_leases(session: Session, project_id: int) -> None:
    """Give back everything the project occupies."""
    session.exec(sa.delete(PortLease).where(col(PortLease.project_id) == project_id))
    session.exec(sa.delete(SubnetLease).where(col(SubnetLease.project_id) == project_id))


def delete_services(session: Session, project_id: int) -> None:
    """Forget what was seen of the project's services."""
    session.exec(sa.delete(ProjectService).where(col(ProjectService.project_id) == project_id))
