"""The first start: tables, master key, owner, organization, access token and the local Docker host."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from supafleet.accounts import service as accounts
from supafleet.db import row_id, unit_of_work
from supafleet.errors import StartRefused, allowed
from supafleet.hosts import service as hosts
from supafleet.hosts.models import Connection
from supafleet.hosts.regions import AWS_REGIONS, LOCAL_REGION
from supafleet.hosts.schemas import HostBody
from supafleet.installation.naming import settle_name
from supafleet.migrations.upgrade import upgrade_database
from supafleet.organizations import service as organizations
from supafleet.projects import catalogue
from supafleet.projects import service as projects
from supafleet.secrets import installation
from supafleet.secrets import service as secrets
from supafleet.secrets.cipher import create_master_key, load_cipher, write_private_file
from supafleet.settings import Settings
from supafleet.stack.gateway import OWN_PUBLISHABLE, OWN_SECRET

log = structlog.get_logger(__name__)

LOCAL_HOST = "local"
_OWNER_NAME = "owner"
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


def prepare(settings: Settings, engine: Engine) -> None:
    """Make everything ready that the service needs before it answers; run again, it changes nothing.

    Afterwards the settings tell the name of the installation, which the database keeps.

    Raises:
        StartRefused: the settings, the data folder or the master key do not allow a start.
    """
    _check_settings(settings, engine)
    _make_data_dir(settings)
    with _alone(settings):
        _make_database_private(engine)
        upgrade_database(engine)
        with unit_of_work(engine) as session:
            name = settle_name(session, settings.installation, has_projects=projects.had_any(session))
            _prepare_master_key(session, settings)
            _prepare_owner(session, settings)
    settings.installation = name


def _check_settings(settings: Settings, engine: Engine) -> None:
    for name, value, known in (
        ("default_release", settings.default_release, catalogue.release_names()),
        ("default_size", settings.default_size, catalogue.size_names()),
    ):
        if value not in known:
            raise StartRefused(f"{name}: must be {allowed(known)}")
    if settings.local_port_last < settings.local_port_first:
        raise StartRefused("local_port_last: must not be less than local_port_first")
    if not settings.embedded_worker and engine.dialect.name == "sqlite":
        raise StartRefused("embedded_worker: must be true on SQLite, where one process does everything")


def _make_data_dir(settings: Settings) -> None:
    try:
        settings.data_dir.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise StartRefused(f"data_dir: {settings.data_dir} cannot be made: {error.strerror}") from error
    if not os.access(settings.data_dir, os.R_OK | os.W_OK | os.X_OK):
        raise StartRefused(f"data_dir: {settings.data_dir} cannot be written")


def _make_database_private(engine: Engine) -> None:
    # SQLite gives its journals the mode of the file, and would make that readable by everybody.
    if engine.dialect.name == "sqlite" and engine.url.database:
        Path(engine.url.database).touch(mode=_PRIVATE_FILE)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    # Two services that start on one folder would both think that they are the first.
    with (settings.data_dir / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prepare_master_key(session: Session, settings: Settings) -> None:
    # Only the very first start makes one: a second machine of the same database must be given that one.
    if not accounts.has_accounts(session):
        create_master_key(settings)
    cipher = load_cipher(settings)
    changed = secrets.rotate_secrets(session, cipher)
    if changed:
        log.info("master_keys.rotated", secrets_changed=changed)
    secrets.complete_secrets(session, cipher, (OWN_PUBLISHABLE, OWN_SECRET))
    installation.prepare(session, cipher)


def _prepare_owner(session: Session, settings: Settings) -> None:
    if accounts.has_accounts(session):
        return
    account = accounts.create_account(session, email=settings.owner_email, username=_OWNER_NAME, is_operator=True)
    organization = organizations.create_organization(session, settings.organization_name, row_id(account))
    hosts.put_host(
        session,
        LOCAL_HOST,
        HostBody(
            connection=Connection.LOCAL,
            bind_address="127.0.0.1",
            regions=[LOCAL_REGION, *AWS_REGIONS],
            port_first=settings.local_port_first,
            port_last=settings.local_port_last,
            subnet_pool=settings.local_subnet_pool,
        ),
    )
    # The file comes before the commit: a crash between them must not leave a token that nobody has.
    accounts.register_token(session, account, "first start", _owner_token(settings))
    log.info("owner.created", account=account.username, organization=organization.slug)


def _owner_token(settings: Settings) -> str:
    file = settings.owner_token_file
    write_private_file(settings, file.name, accounts.generate_token() + "\n")
    token = file.read_text().strip()
    if not accounts.TOKEN_PATTERN.fullmatch(token):
        raise StartRefused(f"data_dir: {file} does not hold an access token; remove the file")
    return token
