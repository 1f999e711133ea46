"""What an organization's plan allows: there is one plan, and it withholds nothing."""

from typing import Any, Literal

from supafleet.projects import catalogue

Type = Literal["boolean", "numeric", "set"]

_SETS = {"instances.compute_update_available_sizes", "pitr.available_variants"}
_NUMERIC = {
    "storage.max_file_size": "bytes",
    "security.audit_logs_days": "days",
    "log.retention_days": "days",
    "branching_limit": "branches",
    "auth.custom_oauth.max_providers": "providers",
    "backup.retention_days": "days",
    "function.max_count": "functions",
    "function.size_limit_mb": "MB",
    "realtime.max_concurrent_users": "users",
    "realtime.max_events_per_second": "events",
    "realtime.max_joins_per_second": "joins",
    "realtime.max_channels_per_client": "channels",
    "realtime.max_bytes_per_second": "bytes",
    "realtime.max_presence_events_per_second": "events",
    "realtime.max_payload_size_in_kb": "KB",
    "integrations.github_push_webhooks_limit": "webhooks",
}
_BOOLEAN = (
    "instances.read_replicas",
    "instances.disk_modifications",
    "instances.high_availability",
    "instances.orioledb",
    "replication.etl",
    "storage.max_file_size.configurable",
    "storage.image_transformations",
    "storage.vector_buckets",
    "storage.iceberg_catalog",
    "storage.purge_cache",
    "security.questionnaire",
    "security.soc2_report",
    "security.iso27001_certificate",
    "security.private_link",
    "security.enforce_mfa",
    "custom_domain",
    "vanity_subdomain",
    "ipv4",
    "log_drains",
    "audit_log_drains",
    "branching_persistent",
    "auth.mfa_phone",
    "auth.mfa_web_authn",
    "auth.mfa_enhanced_security",
    "auth.hooks",
    "auth.platform.sso",
    "auth.custom_jwt_template",
    "auth.saml_2",
    "auth.user_sessions",
    "auth.leaked_password_protection",
    "auth.advanced_auth_settings",
    "auth.performance_settings",
    "auth.password_hibp",
    "backup.restore_to_new_project",
    "backup.schedule",
    "project_scoped_roles",
    "security.member_roles",
    "project_pausing",
    "project_cloning",
    "project_restore_after_expiry",
    "assistant.advance_model",
    "integrations.github_connections",
    "dedicated_pooler",
    "observability.dashboard_advanced_metrics",
    "api.members.invitations",
    "api.members.roles",
)


def all_allowed() -> list[dict[str, Any]]:
    """Every entitlement of the official list, none withheld.

    That a plan allows something does not mean that this version has it: what is not built answers 501.
    """
    sizes = [f"ci_{size}" for size in catalogue.size_names()]
    rows = [_row(key, "boolean", {"enabled": True}) for key in _BOOLEAN]
    rows += [
        _row(key, "numeric", {"enabled": True, "value": 0, "unlimited": True, "unit": unit})
        for key, unit in _NUMERIC.items()
    ]
    rows += [
        _row(key, "set", {"enabled": True, "set": sizes if key.startswith("instances") else []})
        for key in sorted(_SETS)
    ]
    return sorted(rows, key=lambda row: str(row["feature"]["key"]))


def _row(key: str, kind: Type, config: dict[str, Any]) -> dict[str, Any]:
    return {"feature": {"key": key, "type": kind}, "hasAccess": True, "type": kind, "config": config}
