"""Shapes of what Studio asks for: ids are numbers here, and what does not exist is empty or null."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator

from supafleet.database.schemas import Text
from supafleet.organizations.schemas import DisplayName
from supafleet.projects.states import Status

#: What this API writes where a number of "at most" is wanted and there is no such limit.
NO_LIMIT = 2**31 - 1
CLOUD_PROVIDER = "SELF_HOSTED"


class Health(BaseModel):
    """Whether the service works."""

    is_healthy: bool


class Reached(BaseModel):
    """What answers is the service."""

    status: Literal["OK"] = "OK"


class Redirection(BaseModel):
    """Where a client of ConfigCat finds its configuration."""

    u: str = Field(description="Base address.")
    r: Literal[0] = Field(default=0, description="0: it stays here.")


class FeatureFlags(BaseModel):
    """A configuration in the format of ConfigCat, without any flag."""

    p: Redirection
    f: dict[str, Any] = Field(default_factory=dict, description="Flags: none is set.")


class Profile(BaseModel):
    """The account."""

    id: int
    auth0_id: None = None
    primary_email: str
    username: str
    first_name: None = Field(default=None, description="Not known here.")
    last_name: None = Field(default=None, description="Not known here.")
    mobile: None = Field(default=None, description="Not known here.")
    is_alpha_user: Literal[False] = False
    gotrue_id: str
    free_project_limit: int = Field(default=NO_LIMIT, description="The largest number: there is no limit.")
    disabled_features: list[str] = Field(default_factory=list)


class PermissionStatement(BaseModel):
    """What the account may do in one organization, or, when restrictive, may not."""

    organization_id: int
    resources: list[str] = Field(description="Patterns; % stands for anything.")
    actions: list[str] = Field(description="Patterns; % stands for anything.")
    condition: None = None
    restrictive: bool
    project_ids: list[int] = Field(default_factory=list, description="Empty: all projects of the organization.")


class PasswordCheck(BaseModel):
    """A password to score; it is not kept."""

    password: SecretStr


class PasswordFeedback(BaseModel):
    """How a password could be better."""

    warning: str
    suggestions: list[str]


class PasswordScore(BaseModel):
    """How hard a password is to guess."""

    score: int = Field(ge=0, le=4, description="0: at once, 4: not in years.")
    feedback: PasswordFeedback


class PasswordCheckResult(BaseModel):
    """The score of a password."""

    result: PasswordScore


class OrganizationCreate(BaseModel):
    """A new organization; what Studio asks about a customer of a cloud (kind, size, tier) is not used."""

    name: DisplayName


class Organization(BaseModel):
    """An organization of the account."""

    id: int
    slug: str
    name: str
    billing_email: None = Field(default=None, description="There are no bills.")
    is_owner: bool
    opt_in_tags: list[str] = Field(default_factory=list)
    stripe_customer_id: Literal[""] = ""
    subscription_id: Literal[""] = ""
    restriction_data: None = None
    restriction_status: None = None


class Plan(BaseModel):
    """The plan without any limit."""

    id: Literal["enterprise"] = Field(default="enterprise", description="Studio's word for a plan without limits.")
    name: Literal["Self-hosted"] = "Self-hosted"


class Subscription(BaseModel):
    """What an organization pays: nothing, so no invoice ever comes."""

    nano_enabled: Literal[False] = False
    billing_via_partner: Literal[False] = False
    current_period_start: int = Field(description="Begin of this month, in seconds since 1970.")
    current_period_end: int = Field(description="Begin of the next month, in seconds since 1970.")
    next_invoice_at: Literal[0] = Field(default=0, description="None comes.")
    customer_balance: Literal[0] = 0
    plan: Plan = Field(default_factory=Plan)
    usage_billing_enabled: Literal[False] = False
    addons: list[Any] = Field(default_factory=list)
    project_addons: list[Any] = Field(default_factory=list)
    payment_method_type: Literal["none"] = "none"


class Amounts(BaseModel):
    """Amounts by what is used: none is known."""

    storage: None = None
    bandwidth: None = None
    egress: None = None


class OrganizationUsage(BaseModel):
    """How much an organization used this month: nothing measures it, and nothing limits it."""

    usage: Amounts = Field(default_factory=Amounts, description="Null: not measured.")
    limits: Amounts = Field(default_factory=Amounts, description="Null: there is no limit.")
    billing_cycle_start: int = Field(description="Begin of this month, in seconds since 1970.")
    billing_cycle_end: int = Field(description="Begin of the next month, in seconds since 1970.")


class Counts(BaseModel):
    """Counts over time: nothing counts, so there is no point in time with a count."""

    data: list[Any] = Field(default_factory=list)
    total: Literal[0] = Field(default=0, description="Number of counts in data.")


class NotificationSummary(BaseModel):
    """How many notifications there are: none is ever sent."""

    total: Literal[0] = 0
    unread: Literal[0] = 0
    new: Literal[0] = 0


class Connections(BaseModel):
    """Connections of an integration: there are no integrations."""

    connections: list[Any] = Field(default_factory=list)


class Authorization(BaseModel):
    """Whether an integration may act for the account: there are no integrations."""

    authorized: Literal[False] = False


class Repositories(BaseModel):
    """Repositories that an integration reaches: there are no integrations."""

    repositories: list[Any] = Field(default_factory=list)
    total: Literal[0] = 0


class Supervisor(BaseModel):
    """What would look after the machine of a project: containers have none."""

    status: None = None
    version: None = None


class SupervisorAnswer(BaseModel):
    """The supervisor of a project."""

    supervisor: Supervisor = Field(default_factory=Supervisor)


class SearchTags(BaseModel):
    """Which image of Postgres."""

    postgres_version: str | None = Field(default=None, alias="tag:postgresVersion")


class Ami(BaseModel):
    """The image that Studio would start a machine from."""

    search_tags: SearchTags = Field(default_factory=SearchTags)


class InternalRequests(BaseModel):
    """What only the makers of Studio ask for on their cloud; the version of Postgres decides the release here."""

    ami: Ami = Field(default_factory=Ami)


class ProjectCreate(BaseModel):
    """A new project in Studio's words."""

    org_id: int = Field(description="Number of the organization that owns it.")
    name: DisplayName
    db_pass: SecretStr = Field(description="Password of the database: 12 to 72 letters and digits.")
    cloud_provider: str | None = Field(default=None, description="Not used: projects run on the Docker hosts.")
    db_region: str | None = Field(default=None, description="Code of a region, or its name in Studio.")
    desired_instance_size: str | None = Field(default=None, description="Size of the project.")
    auth_site_url: str | None = Field(default=None, description="URL of the owner's application.")
    db_sql: str | None = Field(default=None, description="Not available: only empty or null.")
    custom_supabase_internal_requests: InternalRequests = Field(default_factory=InternalRequests)

    @field_validator("db_sql")
    @classmethod
    def _check_sql(cls, value: str | None) -> str | None:
        if value:
            raise ValueError("must be empty: run statements when the project is up")
        return value


class ProjectCreated(BaseModel):
    """A project just asked for."""

    id: int
    ref: str
    name: str
    status: Status
    organization_id: int
    cloud_provider: str = CLOUD_PROVIDER
    region: str
    inserted_at: datetime
    endpoint: str = Field(description="Where the project's gateway answers.")
    anon_key: str
    service_key: str | None = Field(description="Null for a role that may not read it.")
    is_branch_enabled: Literal[False] = False
    preview_branch_refs: list[str] = Field(default_factory=list)
    is_physical_backups_enabled: Literal[False] = False
    is_read_replicas_enabled: Literal[False] = False
    disk_volume_size_gb: Literal[0] = Field(default=0, description="Volumes have no size of their own.")
    subscription_id: Literal[""] = ""


class Project(BaseModel):
    """A project."""

    id: int
    ref: str
    name: str
    status: Status
    organization_id: int
    inserted_at: datetime
    subscription_id: Literal[""] = ""
    cloud_provider: str = CLOUD_PROVIDER
    region: str
    disk_volume_size_gb: Literal[0] = Field(default=0, description="Volumes have no size of their own.")
    size: str
    db_user_supabase: Literal["postgres"] = "postgres"
    db_pass_supabase: None = Field(default=None, description="Never told.")
    db_dns_name: str
    db_host: str
    db_port: Literal[5432] = 5432
    db_name: Literal["postgres"] = "postgres"
    ssl_enforced: Literal[False] = False
    walg_enabled: Literal[False] = False
    infra_compute_size: str
    preview_branch_refs: list[str] = Field(default_factory=list)
    is_branch_enabled: Literal[False] = False
    is_physical_backups_enabled: Literal[False] = False
    restUrl: str = Field(description="Where the project's REST API answers.")  # noqa: N815 - Studio's name
    connectionString: None = Field(  # noqa: N815 - Studio's name
        default=None, description="Never told: statements go through pg-meta of this API."
    )


class ProjectWithSecret(Project):
    """A project with what its tokens are signed with."""

    jwt_secret: str | None = Field(description="Null for a role that may not read secret keys.")


class AppConfig(BaseModel):
    """Where a project's API answers, and which schema it shows first."""

    endpoint: str
    db_schema: str


class App(BaseModel):
    """The one kind of API."""

    id: Literal[1] = 1
    name: Literal["Auto API"] = "Auto API"


class ServiceApiKey(BaseModel):
    """A key of the project's API."""

    name: str
    tags: Literal["anon", "service_role"]
    api_key: str | None = Field(description="Null for a role that may not read it.")


class ProjectName(BaseModel):
    """A project by its ref."""

    ref: str


class AutoApiService(BaseModel):
    """The API of a project and its keys."""

    id: Literal[1] = 1
    name: Literal["Default API"] = "Default API"
    app_config: AppConfig
    app: App = Field(default_factory=App)
    service_api_keys: list[ServiceApiKey]
    protocol: str
    endpoint: str = Field(description="Host and port of the gateway, without the protocol.")
    restUrl: str  # noqa: N815 - Studio's name
    project: ProjectName
    defaultApiKey: str  # noqa: N815 - Studio's name
    serviceApiKey: str | None = Field(  # noqa: N815 - Studio's name
        description="Null for a role that may not read it."
    )


class ProjectSettings(BaseModel):
    """A project with its API."""

    project: ProjectWithSecret
    services: list[AutoApiService]


class ProjectApi(BaseModel):
    """The API of a project."""

    autoApiService: AutoApiService  # noqa: N815 - Studio's name


class ProjectStatus(BaseModel):
    """How a project is."""

    status: Status


class JwtSecretUpdate(BaseModel):
    """The last change of a project's JWT secret: none is ever made."""

    jwtSecretUpdateStatus: None = None  # noqa: N815 - Studio's name


class Query(BaseModel):
    """SQL for the project's database."""

    query: Text = Field(description="One or more statements.")
