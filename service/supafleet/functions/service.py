"""The rules of edge functions: storing code, telling which of it answers, and handing it to a run."""

import json
import time
from collections.abc import Sequence
from uuid import uuid4

from sqlmodel import Session

from supafleet.db import row_id
from supafleet.errors import InvalidField, NotFound, quote
from supafleet.functions import repository
from supafleet.functions.download import unpacked_at
from supafleet.functions.models import Bundle, BundleFile, EdgeFunction
from supafleet.functions.schemas import FunctionResponse, FunctionUpdate
from supafleet.functions.upload import TooLarge, Upload

MOST_FUNCTIONS = 100
MOST_PROJECT_BYTES = 100 * 1024 * 1024
_DIGITS_OF_FOLDER = 16


class FunctionNotFound(NotFound):
    """The project has no function of this slug."""

    code = "function_not_found"

    def __init__(self, slug: str) -> None:
        super().__init__(f"Function {quote(slug)} does not exist.")


def list_functions(session: Session, project_id: int, ref: str) -> list[FunctionResponse]:
    """The project's functions by slug."""
    return [render(ref, function, bundle) for function, bundle in repository.list_functions(session, project_id)]


def get_function(session: Session, project_id: int, slug: str) -> tuple[EdgeFunction, Bundle]:
    """The function and the code it answers with.

    Raises:
        FunctionNotFound: there is none.
    """
    found = repository.find_function(session, project_id, slug)
    if found is None:
        raise FunctionNotFound(slug)
    return found


def files_of(session: Session, bundle: Bundle) -> dict[str, bytes]:
    """The files of a bundle by path."""
    return {file.path: file.content for file in repository.list_files(session, row_id(bundle))}


def deploy(session: Session, project_id: int, ref: str, slug: str, upload: Upload) -> tuple[FunctionResponse, bool]:
    """Let a function answer with this code; the function, and whether anything is different on the host.

    Raises:
        TooLarge: the project has too many functions or too much code.
    """
    bundle = _store_bundle(session, project_id, slug, upload)
    return _answer_with(session, project_id, ref, slug, bundle, upload.name, upload.verify_jwt)


def store_only(session: Session, project_id: int, ref: str, slug: str, upload: Upload) -> FunctionResponse:
    """Keep code until a bulk update names it; the function as it would then be.

    Raises:
        TooLarge: the project has too many functions or too much code.
    """
    bundle = _store_bundle(session, project_id, slug, upload)
    known = repository.find_function(session, project_id, slug)
    kept = {row_id(bundle)} | ({known[0].bundle_id} if known else set())
    repository.delete_bundles(session, project_id, slug, kept)
    return render(ref, _next(project_id, slug, known, bundle, upload.name, upload.verify_jwt), bundle)


def update_functions(
    session: Session, project_id: int, ref: str, updates: Sequence[FunctionUpdate]
) -> tuple[list[FunctionResponse], bool]:
    """Let several functions answer with code that was stored before; all of them or none.

    Raises:
        InvalidField: the code of one is not there, or one is named twice.
    """
    _require_different(updates)
    rendered, is_changed = [], False
    for number, update in enumerate(updates):
        known = repository.find_function(session, project_id, update.slug)
        if update.ezbr_sha256 is not None:
            bundle = repository.find_bundle(session, project_id, update.slug, update.ezbr_sha256)
        else:
            bundle = known[1] if known else None
        if bundle is None:
            raise InvalidField(
                f"{number}.ezbr_sha256", f"must be that of code of {quote(update.slug)} deployed with bundleOnly=true"
            )
        function, is_different = _answer_with(
            session, project_id, ref, update.slug, bundle, update.name, update.verify_jwt
        )
        rendered.append(function)
        is_changed = is_changed or is_different
    return rendered, is_changed


def remove_function(session: Session, project_id: int, slug: str) -> bool:
    """Forget a function and its code, that which waits for a bulk update too; whether it answered calls.

    Raises:
        FunctionNotFound: there is neither a function nor code for one.
    """
    if slug not in repository.list_slugs(session, project_id):
        raise FunctionNotFound(slug)
    known = repository.find_function(session, project_id, slug)
    if known is not None:
        repository.delete_function(session, known[0].id)
    repository.delete_bundles(session, project_id, slug, set())
    return known is not None


def remove_all(session: Session, project_id: int) -> None:
    """Forget all functions of a project."""
    repository.delete_all(session, project_id)


def run_files(session: Session, project_id: int) -> tuple[str, dict[str, bytes]]:
    """What a run puts on the host: the index that the main service reads, and files by path below their folder."""
    index, files = {}, {}
    for function, bundle in repository.list_functions(session, project_id):
        folder = f"{function.slug}-{bundle.sha256[:_DIGITS_OF_FOLDER]}"
        index[function.slug] = {
            "folder": folder,
            "entrypoint": bundle.entrypoint_path,
            "import_map": bundle.import_map_path,
            "static_patterns": bundle.static_patterns,
            "verify_jwt": function.verify_jwt,
        }
        files.update({f"{folder}/{path}": content for path, content in files_of(session, bundle).items()})
    return json.dumps(index, indent=1, sort_keys=True), files


def render(ref: str, function: EdgeFunction, bundle: Bundle) -> FunctionResponse:
    """The function as the API tells it: clients expect files where the hosted platform unpacks them."""
    deployment = f"{ref}_{function.id}_{function.version}"
    return FunctionResponse(
        id=function.id,
        slug=function.slug,
        name=function.name,
        version=function.version,
        created_at=function.created_at,
        updated_at=function.updated_at,
        verify_jwt=function.verify_jwt,
        import_map=bundle.import_map_path is not None,
        entrypoint_path=unpacked_at(deployment, bundle.entrypoint_path),
        import_map_path=unpacked_at(deployment, bundle.import_map_path) if bundle.import_map_path else None,
        ezbr_sha256=bundle.sha256,
    )


def _require_different(updates: Sequence[FunctionUpdate]) -> None:
    seen: set[str] = set()
    for number, update in enumerate(updates):
        if update.slug in seen:
            raise InvalidField(f"{number}.slug", f"{quote(update.slug)} may be named only once")
        seen.add(update.slug)


def _store_bundle(session: Session, project_id: int, slug: str, upload: Upload) -> Bundle:
    known = repository.find_bundle(session, project_id, slug, upload.sha256)
    if known is not None:
        return known
    # All code counts, that of functions which answer and that which waits: nothing else bounds what may wait.
    slugs = repository.list_slugs(session, project_id)
    if slug not in slugs and len(slugs) >= MOST_FUNCTIONS:
        raise TooLarge(
            f"slug: a project may have at most {MOST_FUNCTIONS} functions, those deployed with bundleOnly counted."
        )
    if repository.stored_bytes(session, project_id) + upload.size_bytes > MOST_PROJECT_BYTES:
        raise TooLarge(
            f"file: the functions of a project may have at most {MOST_PROJECT_BYTES // 1024**2} MB of code together."
        )
    bundle = Bundle.model_validate(
        {
            "project_id": project_id,
            "slug": slug,
            "sha256": upload.sha256,
            "entrypoint_path": upload.entrypoint_path,
            "import_map_path": upload.import_map_path,
            "static_patterns": upload.static_patterns,
            "size_bytes": upload.size_bytes,
        }
    )
    session.add(bundle)
    session.flush()
    for path, content in upload.files.items():
        file = {"bundle_id": row_id(bundle), "path": path, "content": content}
        session.add(BundleFile.model_validate(file))
    session.flush()
    return bundle


def _answer_with(
    session: Session, project_id: int, ref: str, slug: str, bundle: Bundle, name: str | None, verify_jwt: bool | None
) -> tuple[FunctionResponse, bool]:
    known = repository.find_function(session, project_id, slug)
    after = _next(project_id, slug, known, bundle, name, verify_jwt)
    is_changed = True
    function = after
    if known is not None:
        function = known[0]
        is_changed = (function.bundle_id, function.verify_jwt) != (after.bundle_id, after.verify_jwt)
        function.sqlmodel_update(after.model_dump())
    session.add(function)
    session.flush()
    repository.delete_bundles(session, project_id, slug, {row_id(bundle)})
    return render(ref, function, bundle), is_changed


def _next(
    project_id: int,
    slug: str,
    known: tuple[EdgeFunction, Bundle] | None,
    bundle: Bundle,
    name: str | None,
    verify_jwt: bool | None,
) -> EdgeFunction:
    """The function after a deployment; what the deployment does not say stays as it is."""
    now = time.time_ns() // 1_000_000
    before = None if known is None else known[0]
    usual = before.verify_jwt if before else True
    return EdgeFunction(
        id=before.id if before else str(uuid4()),
        project_id=project_id,
        slug=slug,
        name=name or (before.name if before else slug),
        version=before.version + 1 if before else 1,
        verify_jwt=usual if verify_jwt is None else verify_jwt,
        bundle_id=row_id(bundle),
        created_at=before.created_at if before else now,
        updated_at=now,
    )
