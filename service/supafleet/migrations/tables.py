"""Every table of the service, imported so that the metadata is complete."""

from sqlmodel import SQLModel

from supafleet.accounts import models as accounts
from supafleet.api_keys import models as api_keys
from supafleet.audit import models as audit
from supafleet.functions import models as functions
from supafleet.hosts import models as hosts
from supafleet.installation import models as installation
from supafleet.organizations import models as organizations
from supafleet.projects import models as projects
from supafleet.runs import models as runs
from supafleet.secrets import models as secrets

MODULES = (installation, accounts, organizations, hosts, projects, secrets, functions, api_keys, runs, audit)


def names() -> list[str]:
    """Names of the service's tables; others in the same database are not ours."""
    return list(SQLModel.metadata.tables)
