"""Queries over edge functions and their code."""

import sqlalchemy as sa
from sqlmodel import Session, col, select

from supafleet.functions.models import Bundle, BundleFile, EdgeFunction


def list_functions(session: Session, project_id: int) -> list[tuple[EdgeFunction, Bundle]]:
    """The project's functions with the code they answer with, by slug."""
    statement = (
        select(EdgeFunction, Bundle)
        .join(Bundle, col(Bundle.id) == EdgeFunction.bundle_id)
        .where(EdgeFunction.project_id == project_id)
        .order_by(col(EdgeFunction.slug))
    )
    return [(function, bundle) for function, bundle in session.exec(statement)]


def find_function(session: Session, project_id: int, slug: str) -> tuple[EdgeFunction, Bundle] | None:
    """The function of that slug, or None."""
    statement = (
        select(EdgeFunction, Bundle)
        .join(Bundle, col(Bundle.id) == EdgeFunction.bundle_id)
        .where(EdgeFunction.project_id == project_id, EdgeFunction.slug == slug)
    )
    found = session.exec(statement).first()
    return None if found is None else (found[0], found[1])


def find_bundle(session: Session, project_id: int, slug: str, sha256: str) -> Bundle | None:
    """The code of that digest, or None."""
    statement = select(Bundle).where(Bundle.project_id == project_id, Bundle.slug == slug, Bundle.sha256 == sha256)
    return session.exec(statement).first()


def list_files(session: Session, bundle_id: int) -> list[BundleFile]:
    """The files of a bundle by path."""
    statement = select(BundleFile).where(BundleFile.bundle_id == bundle_id).order_by(col(BundleFile.path))
    return list(session.exec(statement))


def stored_bytes(session: Session, project_id: int) -> int:
    """Bytes of all code of a project."""
    statement = select(sa.func.coalesce(sa.func.sum(Bundle.size_bytes), 0)).where(Bundle.project_id == project_id)
    return int(session.exec(statement).one())


def list_slugs(session: Session, project_id: int) -> set[str]:
    """The slugs that a project has code for, whether a function answers with it or not."""
    return set(session.exec(select(Bundle.slug).where(Bundle.project_id == project_id).distinct()))


def delete_bundles(session: Session, project_id: int, slug: str, keep: set[int]) -> None:
    """Forget the code of a function, except these bundles."""
    chosen = sa.and_(col(Bundle.project_id) == project_id, col(Bundle.slug) == slug, col(Bundle.id).not_in(keep))
    ids = sa.select(col(Bundle.id)).where(chosen)
    session.exec(sa.delete(BundleFile).where(col(BundleFile.bundle_id).in_(ids)))
    session.exec(sa.delete(Bundle).where(chosen))


def delete_function(session: Session, function_id: str) -> None:
    """Forget a function; its code goes apart."""
    session.exec(sa.delete(EdgeFunction).where(col(EdgeFunction.id) == function_id))


def delete_all(session: Session, project_id: int) -> None:
    """Forget all functions of a project and their code."""
    session.exec(sa.delete(EdgeFunction).where(col(EdgeFunction.project_id) == project_id))
    ids = sa.select(col(Bundle.id)).where(col(Bundle.project_id) == project_id)
    session.exec(sa.delete(BundleFile).where(col(BundleFile.bundle_id).in_(ids)))
    session.exec(sa.delete(Bundle).where(col(Bundle.project_id) == project_id))
