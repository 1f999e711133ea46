"""What a look at the catalogue of a project's database finds to be unsafe or slow."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

from pydantic import ValidationError

from supafleet.database import postgres
from supafleet.database.gateway import GatewayFailed, Gateways, ReachedProject
from supafleet.database.postgres import Login
from supafleet.database.schemas import Lint, LintMetadata, Lints
from supafleet.db import utc_now

Category = Literal["PERFORMANCE", "SECURITY"]
Level = Literal["ERROR", "WARN", "INFO"]

_PAGE = "https://supabase.com/docs/guides/database/database-linter?lint="


@dataclass(frozen=True)
class _Rule:
    """One kind of finding; what finds it is the statement of the same name."""

    number: str
    name: str
    title: str
    level: Level
    category: Category
    description: str


_RULES = (
    _Rule(
        "0002",
        "auth_users_exposed",
        "Exposed Auth Users",
        "ERROR",
        "SECURITY",
        "Detects a view or materialized view that clients of the API may read and that reads auth.users.",
    ),
    _Rule(
        "0007",
        "policy_exists_rls_disabled",
        "Policy Exists RLS Disabled",
        "ERROR",
        "SECURITY",
        "Detects tables with policies that have no effect, because row level security is not enabled on them.",
    ),
    _Rule(
        "0008",
        "rls_enabled_no_policy",
        "RLS Enabled No Policy",
        "INFO",
        "SECURITY",
        "Detects tables with row level security and without policies: no client of the API reads or writes them.",
    ),
    _Rule(
        "0010",
        "security_definer_view",
        "Security Definer View",
        "ERROR",
        "SECURITY",
        "Detects views that read with the rights of their owner instead of those of who asks.",
    ),
    _Rule(
        "0011",
        "function_search_path_mutable",
        "Function Search Path Mutable",
        "WARN",
        "SECURITY",
        "Detects functions whose search_path is that of who calls them.",
    ),
    _Rule(
        "0013",
        "rls_disabled_in_public",
        "RLS Disabled in Public",
        "ERROR",
        "SECURITY",
        "Detects tables that clients of the API may use and that have no row level security.",
    ),
    _Rule(
        "0014",
        "extension_in_public",
        "Extension in Public",
        "WARN",
        "SECURITY",
        "Detects extensions in the schema public, which the API serves.",
    ),
    _Rule(
        "0015",
        "rls_references_user_metadata",
        "RLS references user metadata",
        "ERROR",
        "SECURITY",
        "Detects policies that trust user_metadata of the caller's token, which every user changes at will.",
    ),
    _Rule(
        "0016",
        "materialized_view_in_api",
        "Materialized View in API",
        "WARN",
        "SECURITY",
        "Detects materialized views that clients of the API may read: no row level security applies to them.",
    ),
    _Rule(
        "0017",
        "foreign_table_in_api",
        "Foreign Table in API",
        "WARN",
        "SECURITY",
        "Detects foreign tables that clients of the API may use: no row level security applies to them.",
    ),
    _Rule(
        "0018",
        "unsupported_reg_types",
        "Unsupported reg types",
        "WARN",
        "SECURITY",
        "Detects columns of reg* types that keep pg_upgrade from taking the database to a newer Postgres.",
    ),
    _Rule(
        "0001",
        "unindexed_foreign_keys",
        "Unindexed foreign keys",
        "INFO",
        "PERFORMANCE",
        "Detects foreign keys without an index on their columns.",
    ),
    _Rule(
        "0003",
        "auth_rls_initplan",
        "Auth RLS Initialization Plan",
        "WARN",
        "PERFORMANCE",
        "Detects policies that ask who calls once for each row instead of once for each query.",
    ),
    _Rule(
        "0004",
        "no_primary_key",
        "No Primary Key",
        "INFO",
        "PERFORMANCE",
        "Detects tables without a primary key.",
    ),
    _Rule(
        "0005",
        "unused_index",
        "Unused Index",
        "INFO",
        "PERFORMANCE",
        "Detects indexes that no query has used since the statistics began.",
    ),
    _Rule(
        "0006",
        "multiple_permissive_policies",
        "Multiple Permissive Policies",
        "WARN",
        "PERFORMANCE",
        "Detects several permissive policies for one role and action: each of them is looked at for each row.",
    ),
    _Rule(
        "0009",
        "duplicate_index",
        "Duplicate Index",
        "WARN",
        "PERFORMANCE",
        "Detects indexes that are the same but for their names.",
    ),
)
_BY_NAME = {rule.name: rule for rule in _RULES}


async def advise(gateways: Gateways, project: ReachedProject, category: Category) -> Lints:
    """All findings of a category."""
    query = postgres.fill(_statement(category), exposed=",".join(project.api_schemas))
    found = await postgres.rows(gateways, project, Login.CATALOGUE, query)
    observed_at = utc_now()
    try:
        return Lints(
            lints=[
                Lint(
                    name=rule.name,
                    title=rule.title,
                    level=rule.level,
                    categories=[rule.category],
                    description=rule.description,
                    detail=row["detail"],
                    remediation=f"{_PAGE}{rule.number}_{rule.name}",
                    metadata=LintMetadata.model_validate(row["metadata"]),
                    cache_key=f"{rule.name}_{row['subject']}",
                    observed_at=observed_at,
                )
                for row in found
                for rule in (_BY_NAME[row["name"]],)
            ]
        )
    except (KeyError, ValidationError):
        raise GatewayFailed("The project's postgres-meta answered with something that is not a finding.") from None


@cache
def _statement(category: Category) -> str:
    parts = [
        f"select '{rule.name}' as name, detail, metadata, subject from (\n"  # noqa: S608 - our own words
        f"{postgres.statement(f'lints/{rule.name}')}) as found"
        for rule in _RULES
        if rule.category == category
    ]
    return f"with {postgres.statement('lints/prelude')}\n" + "\nunion all\n".join(parts) + "\norder by name, subject"
