"""What may be done, in the official names of token permissions, and which role may do it.

The names of the official API are those of its fine-grained tokens (`official/operations.json`); `fleet_*` are ours and
belong to the operators of the installation, whatever their role in an organization.
"""

from enum import StrEnum

from supafleet.organizations.models import Role


class Permission(StrEnum):
    """One thing that an account may be allowed to do."""

    ACTION_RUNS_READ = "action_runs_read"
    ACTION_RUNS_WRITE = "action_runs_write"
    ADVISORS_READ = "advisors_read"
    ANALYTICS_CONFIG_READ = "analytics_config_read"
    ANALYTICS_CONFIG_WRITE = "analytics_config_write"
    ANALYTICS_LOGS_READ = "analytics_logs_read"
    ANALYTICS_USAGE_READ = "analytics_usage_read"
    API_GATEWAY_KEYS_READ = "api_gateway_keys_read"
    API_GATEWAY_KEYS_SECRET_READ = "api_gateway_keys_secret_read"  # noqa: S105 - a name
    API_GATEWAY_KEYS_WRITE = "api_gateway_keys_write"
    AUDIT_READ = "audit_read"
    AUTH_CONFIG_READ = "auth_config_read"
    AUTH_CONFIG_WRITE = "auth_config_write"
    AUTH_SIGNING_KEYS_READ = "auth_signing_keys_read"
    AUTH_SIGNING_KEYS_WRITE = "auth_signing_keys_write"
    BACKUPS_READ = "backups_read"
    BACKUPS_WRITE = "backups_write"
    BRANCHING_DEVELOPMENT_CREATE = "branching_development_create"
    BRANCHING_DEVELOPMENT_DELETE = "branching_development_delete"
    BRANCHING_DEVELOPMENT_READ = "branching_development_read"
    BRANCHING_DEVELOPMENT_WRITE = "branching_development_write"
    BRANCHING_PRODUCTION_DELETE = "branching_production_delete"
    CUSTOM_DOMAIN_READ = "custom_domain_read"
    CUSTOM_DOMAIN_WRITE = "custom_domain_write"
    DATA_API_CONFIG_READ = "data_api_config_read"
    DATA_API_CONFIG_WRITE = "data_api_config_write"
    DATABASE_CONFIG_READ = "database_config_read"
    DATABASE_CONFIG_WRITE = "database_config_write"
    DATABASE_JIT_READ = "database_jit_read"
    DATABASE_JIT_WRITE = "database_jit_write"
    DATABASE_MIGRATIONS_READ = "database_migrations_read"
    DATABASE_MIGRATIONS_WRITE = "database_migrations_write"
    DATABASE_NETWORK_BANS_READ = "database_network_bans_read"
    DATABASE_NETWORK_BANS_WRITE = "database_network_bans_write"
    DATABASE_NETWORK_RESTRICTIONS_READ = "database_network_restrictions_read"
    DATABASE_NETWORK_RESTRICTIONS_WRITE = "database_network_restrictions_write"
    DATABASE_POOLING_CONFIG_READ = "database_pooling_config_read"
    DATABASE_POOLING_CONFIG_WRITE = "database_pooling_config_write"
    DATABASE_READ = "database_read"
    DATABASE_READONLY_CONFIG_READ = "database_readonly_config_read"
    DATABASE_READONLY_CONFIG_WRITE = "database_readonly_config_write"
    DATABASE_SSL_CONFIG_READ = "database_ssl_config_read"
    DATABASE_SSL_CONFIG_WRITE = "database_ssl_config_write"
    DATABASE_WEBHOOKS_CONFIG_WRITE = "database_webhooks_config_write"
    DATABASE_WRITE = "database_write"
    EDGE_FUNCTIONS_READ = "edge_functions_read"
    EDGE_FUNCTIONS_SECRETS_READ = "edge_functions_secrets_read"
    EDGE_FUNCTIONS_SECRETS_WRITE = "edge_functions_secrets_write"
    EDGE_FUNCTIONS_WRITE = "edge_functions_write"
    INFRA_ADD_ONS_READ = "infra_add_ons_read"
    INFRA_ADD_ONS_WRITE = "infra_add_ons_write"
    INFRA_DISK_CONFIG_READ = "infra_disk_config_read"
    INFRA_DISK_CONFIG_WRITE = "infra_disk_config_write"
    INFRA_READ_REPLICAS_WRITE = "infra_read_replicas_write"
    MEMBERS_READ = "members_read"
    MEMBERS_WRITE = "members_write"
    ORGANIZATION_ADMIN_READ = "organization_admin_read"
    ORGANIZATION_ADMIN_WRITE = "organization_admin_write"
    ORGANIZATION_PROJECTS_CREATE = "organization_projects_create"
    ORGANIZATION_PROJECTS_READ = "organization_projects_read"
    ORGANIZATIONS_CREATE = "organizations_create"
    ORGANIZATIONS_READ = "organizations_read"
    PROFILE_READ = "profile_read"
    PROFILE_WRITE = "profile_write"
    PROJECT_ADMIN_READ = "project_admin_read"
    PROJECT_ADMIN_WRITE = "project_admin_write"
    PROJECT_NOTEBOOKS_READ = "project_notebooks_read"
    PROJECT_NOTEBOOKS_WRITE = "project_notebooks_write"
    PROJECTS_READ = "projects_read"
    REALTIME_CONFIG_READ = "realtime_config_read"
    REALTIME_CONFIG_WRITE = "realtime_config_write"
    SNIPPETS_READ = "snippets_read"
    STORAGE_CONFIG_READ = "storage_config_read"
    STORAGE_CONFIG_WRITE = "storage_config_write"
    STORAGE_READ = "storage_read"
    FLEET_AUDIT_READ = "fleet_audit_read"
    VANITY_SUBDOMAIN_READ = "vanity_subdomain_read"
    VANITY_SUBDOMAIN_WRITE = "vanity_subdomain_write"
    WORKERS_READ = "workers_read"
    WORKERS_WRITE = "workers_write"
    FLEET_HOSTS_READ = "fleet_hosts_read"
    FLEET_HOSTS_WRITE = "fleet_hosts_write"


#: What belongs to an account itself: it needs a valid token and no organization.
PERSONAL = frozenset(
    {
        Permission.ORGANIZATIONS_CREATE,
        Permission.ORGANIZATIONS_READ,
        Permission.PROFILE_READ,
        Permission.PROFILE_WRITE,
        Permission.PROJECTS_READ,
    }
)
#: What belongs to the operators of the installation.
OPERATING = frozenset({Permission.FLEET_AUDIT_READ, Permission.FLEET_HOSTS_READ, Permission.FLEET_HOSTS_WRITE})

_OF_ORGANIZATIONS = frozenset(Permission) - PERSONAL - OPERATING
_OWNERS_ONLY = frozenset({Permission.AUDIT_READ, Permission.ORGANIZATION_ADMIN_WRITE})
_READING = frozenset(one for one in _OF_ORGANIZATIONS if one.endswith("_read")) - _OWNERS_ONLY
_OF_DEVELOPERS = frozenset(
    {
        Permission.DATABASE_MIGRATIONS_WRITE,
        Permission.DATABASE_WRITE,
        Permission.EDGE_FUNCTIONS_SECRETS_WRITE,
        Permission.EDGE_FUNCTIONS_WRITE,
    }
)

ROLES: dict[Role, frozenset[Permission]] = {
    Role.OWNER: _OF_ORGANIZATIONS,
    Role.ADMINISTRATOR: _OF_ORGANIZATIONS - _OWNERS_ONLY,
    Role.DEVELOPER: _READING | _OF_DEVELOPERS,
    # A key of the service role writes past every rule of the database.
    Role.READ_ONLY: _READING - {Permission.API_GATEWAY_KEYS_SECRET_READ},
}
