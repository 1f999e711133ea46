"""Queries over projects, their services and their leases."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlmodel import Session, col, select

from supafleet.db import Statement, table_of
from supafleet.hosts.models import DockerHost
from supafleet.organizations.models import Membership, Organization
from supafleet.organizations.repository import ASKING_ACCOUNT, join_membership
from supafleet.projects.models import Placed, PortLease, Project, ProjectService, SubnetLease
from supafleet.projects.states import LIVE, Desired
from supafleet.stack.settings import SERVICES

_project, _organization, _membership = table_of(Project), table_of(Organization), table_of(Membership)
_ref, _is_there = _project.c.ref == sa.bindparam("ref"), _project.c.removed_at.is_(None)


def with_place(statement: Statement, account_id: sa.ColumnElement[int]) -> Statement:
    """The statement with what makes a place: that of the account in the organization of the project `:ref`."""
    widened = statement.add_columns(_project.c.organization_id, _membership.c.role)
    widened = widened.outerjoin(_project, sa.and_(_ref, _is_there))
    return join_membership(widened, _project.c.organization_id, account_id, is_member=False)


def with_outline(statement: Statement, account_id: sa.ColumnElement[int]) -> Statement:
    """As `with_place`, with the project in short behind the place."""
    return with_place(statement, account_id).add_columns(*_OUTLINE).outerjoin(_organization, _is_owner)


def with_all_outlines(statement: Statement, account_id: sa.ColumnElement[int]) -> Statement:
    """The statement with all projects of the account's organizations in short, oldest first, or one row without any."""
    widened = statement.add_columns(*_OUTLINE).outerjoin(_membership, _membership.c.account_id == account_id)
    is_theirs = sa.and_(_project.c.organization_id == _membership.c.organization_id, _is_there)
    return widened.outerjoin(_project, is_theirs).outerjoin(_organization, _is_owner).order_by(_project.c.id)


def _of_account(statement: Statement, *, is_member: bool) -> Statement:
    return join_membership(statement, _project.c.organization_id, ASKING_ACCOUNT, is_member=is_member)


# Every request for projects asks for some of these: built once.
_OUTLINE = (
    _project.c.ref,
    _project.c.name,
    _project.c.region,
    _project.c.release,
    _project.c.created_at,
    _project.c.status,
    _project.c.observed_at,
    _organization.c.slug,
)
_is_owner = _organization.c.id == _project.c.organization_id
_PLACED = (
    sa.select(Project, Organization, DockerHost)
    .join(Organization, col(Organization.id) == Project.organization_id)
    .join(DockerHost, col(DockerHost.id) == Project.host_id)
    .where(_is_there)
)
_PLACED_ONE = _of_account(_PLACED.add_columns(_membership.c.id.is_not(None)), is_member=False).where(_ref)
_ALL_PLACED = _of_account(_PLACED, is_member=True).order_by(_project.c.id)


def find_project(session: Session, ref: str) -> Project | None:
    """The project that was not removed, or None."""
    statement = select(Project).where(Project.ref == ref, col(Project.removed_at).is_(None))
    return session.exec(statement).first()


def find_placed(session: Session, ref: str, account_id: int) -> tuple[Placed, bool] | None:
    """The project that was not removed, and whether the account belongs to its organization, or None."""
    row = session.execute(_PLACED_ONE, {"ref": ref, "account_id": account_id}).first()
    return None if row is None else (Placed(row[0], row[1], row[2]), row[3])


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
    return [Placed(*row) for row in session.execute(_ALL_PLACED, {"account_id": account_id})]


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


def had_any(session: Session) -> bool:
    """Whether there is a project, or was one."""
    return session.exec(select(Project.id).limit(1)).first() is not None


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


def list_strangers_on(session: Session, host_id: int) -> list[tuple[int, str]]:
    """Project and name of what was seen on a Docker host under a project's labels and is no service of any release."""
    statement = select(ProjectService.project_id, ProjectService.name).join(Project)
    statement = statement.where(Project.host_id == host_id, col(ProjectService.name).not_in(SERVICES))
    return list(session.exec(statement.order_by(ProjectService.name)).all())


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
