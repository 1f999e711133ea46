"""The official fields of Auth's configuration, and GoTrue's variable for each."""

from collections.abc import Iterator

from supafleet.project_config.fields import ConfigField, Kind
from supafleet.stack.mail_templates import MAILS, template_variable

HOOKS = (
    "mfa_verification_attempt",
    "password_verification_attempt",
    "custom_access_token",
    "send_sms",
    "send_email",
    "before_user_created",
    "after_user_created",
)
PROVIDERS = (
    "apple",
    "azure",
    "bitbucket",
    "discord",
    "facebook",
    "figma",
    "github",
    "gitlab",
    "google",
    "kakao",
    "keycloak",
    "linkedin_oidc",
    "slack_oidc",
    "notion",
    "slack",
    "spotify",
    "twitch",
    "twitter",
    "x",
    "workos",
    "zoom",
)
#: Providers whose client id is a list: the first one, and additional ones in a field of their own.
SEVERAL_CLIENTS = ("apple", "google")
_WITH_URL = ("azure", "gitlab", "keycloak", "workos")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_PASSWORD_RULES = (
    f"{_LETTERS}{_LETTERS.upper()}:0123456789",
    f"{_LETTERS}:{_LETTERS.upper()}:0123456789",
    f"{_LETTERS}:{_LETTERS.upper()}:0123456789:!@#$%^&*()_+-=[]{{}};'\\\\:\"|<>?,./`~",
    "",
)
_NOTIFICATIONS = (
    "password_changed",
    "email_changed",
    "phone_changed",
    "mfa_factor_enrolled",
    "mfa_factor_unenrolled",
    "identity_linked",
    "identity_unlinked",
)
_INT32 = 2**31 - 1
_INT16 = 2**15 - 1
_EMAIL = r"^[^@\s,]+@[^@\s,]+\.[A-Za-z]{2,}$"
_TEST_CODE = "[0-9]{1,15}=[0-9]{2,}"
_TEST_CODES = f"^(?:{_TEST_CODE}(?:,{_TEST_CODE})*,?)?$"
_TAGS = r"^[a-zA-Z0-9_,\s-]*$"

_NO_SAML = "a project of this installation has no key for SAML"
_NO_NIMBUS = "it belongs to the hosted platform"
_NO_FORWARDED = "the gateway does not set that header, so every client could forge it"
_ONLY_CONNECTIONS = "the pool of Auth is counted in connections"
_UNLIMITED = "the number of providers is not limited"


def bool_of(name: str, variable: str = "", default: bool | None = False) -> ConfigField:
    """A switch."""
    return ConfigField(name, Kind.BOOL, default, variable or f"GOTRUE_{name.upper()}")


def int_of(
    name: str, variable: str = "", default: int | None = None, low: int | None = 0, high: int = _INT32
) -> ConfigField:
    """A number."""
    return ConfigField(name, Kind.INT, default, variable or f"GOTRUE_{name.upper()}", low=low, high=high)


def seconds_of(name: str, default: int, high: int = _INT16) -> ConfigField:
    """A number of seconds that GoTrue wants with its unit."""
    return ConfigField(name, Kind.SECONDS, default, f"GOTRUE_{name.upper()}", low=0, high=high)


def text_of(name: str, variable: str = "", pattern: str | None = None, choices: tuple[str, ...] = ()) -> ConfigField:
    """Words."""
    return ConfigField(name, Kind.TEXT, None, variable or f"GOTRUE_{name.upper()}", pattern=pattern, choices=choices)


def secret_of(name: str) -> ConfigField:
    """What is told only as a hash."""
    return ConfigField(name, Kind.SECRET, None, f"GOTRUE_{name.upper()}")


def fixed(name: str, kind: Kind, default: bool | int | str | None, because: str) -> ConfigField:
    """What cannot be anything else here."""
    return ConfigField(name, kind, default, because=because)


def _general() -> Iterator[ConfigField]:
    yield ConfigField("site_url", Kind.TEXT, None, "GOTRUE_SITE_URL", "site_url", pattern=r"^[^,]+$")
    yield ConfigField("uri_allow_list", Kind.TEXT, None, "GOTRUE_URI_ALLOW_LIST", "additional_redirect_urls")
    yield ConfigField("disable_signup", Kind.BOOL, None, "GOTRUE_DISABLE_SIGNUP", "disable_signup")
    yield ConfigField("jwt_exp", Kind.INT, None, "GOTRUE_JWT_EXP", "jwt_expiry", low=0, high=604_800)
    yield ConfigField(
        "mailer_autoconfirm",
        Kind.BOOL,
        None,
        "GOTRUE_MAILER_AUTOCONFIRM",
        "mailer_autoconfirm",
        told_by="confirms_automatically",
    )
    yield ConfigField(
        "external_anonymous_users_enabled",
        Kind.BOOL,
        None,
        "GOTRUE_EXTERNAL_ANONYMOUS_USERS_ENABLED",
        "anonymous_users",
    )
    yield bool_of("external_email_enabled", default=True)
    yield bool_of("external_phone_enabled")
    yield seconds_of("api_max_request_duration", 10, 3600)
    yield int_of("db_max_pool_size", low=1, high=1000)
    yield fixed("db_max_pool_size_unit", Kind.TEXT, "connections", _ONLY_CONNECTIONS)


def _mail() -> Iterator[ConfigField]:
    yield text_of("smtp_admin_email", pattern=_EMAIL)
    yield text_of("smtp_host")
    yield text_of("smtp_port", pattern=r"^[0-9]{1,5}$")
    yield text_of("smtp_user")
    yield secret_of("smtp_pass")
    yield seconds_of("smtp_max_frequency", 60)
    yield text_of("smtp_sender_name")
    yield bool_of("mailer_allow_unverified_email_sign_ins")
    yield bool_of("mailer_secure_email_change_enabled", default=True)
    yield int_of("mailer_otp_exp", default=86_400)
    yield int_of("mailer_otp_length", default=6, low=6, high=10)
    for mail in MAILS:
        yield text_of(f"mailer_subjects_{mail}")
        yield ConfigField(
            f"mailer_templates_{mail}_content", Kind.TEXT, None, template_variable(mail), "mail_templates", entry=mail
        )
    for event in _NOTIFICATIONS:
        yield bool_of(f"mailer_notifications_{event}_enabled")


def _phone() -> Iterator[ConfigField]:
    # The release sets it, so that a project without a provider can be tried out.
    yield bool_of("sms_autoconfirm", default=True)
    yield seconds_of("sms_max_frequency", 60)
    yield int_of("sms_otp_exp", default=60)
    yield int_of("sms_otp_length", default=6, high=_INT16)
    yield text_of("sms_provider", choices=("messagebird", "textlocal", "twilio", "twilio_verify", "vonage"))
    yield text_of("sms_template")
    yield ConfigField("sms_test_otp", Kind.CODES, None, "GOTRUE_SMS_TEST_OTP", pattern=_TEST_CODES)
    yield text_of("sms_test_otp_valid_until", pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")
    for name in ("messagebird_originator", "textlocal_sender", "vonage_from", "twilio_account_sid"):
        yield text_of(f"sms_{name}")
    for name in ("twilio_content_sid", "twilio_message_service_sid"):
        yield text_of(f"sms_{name}")
    for name in ("twilio_verify_account_sid", "twilio_verify_message_service_sid"):
        yield text_of(f"sms_{name}")
    for name in ("messagebird_access_key", "textlocal_api_key", "twilio_auth_token", "twilio_verify_auth_token"):
        yield secret_of(f"sms_{name}")
    for name in ("vonage_api_key", "vonage_api_secret"):
        yield secret_of(f"sms_{name}")


def _safety() -> Iterator[ConfigField]:
    yield bool_of("security_captcha_enabled")
    yield text_of("security_captcha_provider", choices=("turnstile", "hcaptcha"))
    yield secret_of("security_captcha_secret")
    yield bool_of("security_manual_linking_enabled")
    yield bool_of("security_update_password_require_reauthentication")
    yield bool_of("security_update_password_require_current_password")
    yield int_of("security_refresh_token_reuse_interval", default=10)
    yield bool_of("refresh_token_rotation_enabled", "GOTRUE_SECURITY_REFRESH_TOKEN_ROTATION_ENABLED", default=True)
    yield fixed("security_sb_forwarded_for_enabled", Kind.BOOL, False, _NO_FORWARDED)
    yield bool_of("password_hibp_enabled")
    yield int_of("password_min_length", default=6, low=6, high=_INT16)
    yield text_of("password_required_characters", choices=_PASSWORD_RULES)
    yield ConfigField("sessions_timebox", Kind.HOURS, 0.0, "GOTRUE_SESSIONS_TIMEBOX", low=0, high=1_000_000)
    yield ConfigField(
        "sessions_inactivity_timeout", Kind.HOURS, 0.0, "GOTRUE_SESSIONS_INACTIVITY_TIMEOUT", low=0, high=1_000_000
    )
    yield bool_of("sessions_single_per_user")
    yield text_of("sessions_tags", pattern=_TAGS)
    yield int_of("rate_limit_email_sent", default=30, low=1)
    yield int_of("rate_limit_sms_sent", default=30, low=1)
    # Limits per address: none until one is set, since Auth counts addresses only when it is told their header.
    for name in ("anonymous_users", "verify", "token_refresh", "otp", "web3"):
        yield int_of(f"rate_limit_{name}", low=1)


def _factors() -> Iterator[ConfigField]:
    yield int_of("mfa_max_enrolled_factors", default=10)
    yield bool_of("mfa_totp_enroll_enabled", default=True)
    yield bool_of("mfa_totp_verify_enabled", default=True)
    for factor in ("phone", "web_authn"):
        yield bool_of(f"mfa_{factor}_enroll_enabled")
        yield bool_of(f"mfa_{factor}_verify_enabled")
    yield int_of("mfa_phone_otp_length", default=6, high=_INT16)
    yield text_of("mfa_phone_template")
    yield seconds_of("mfa_phone_max_frequency", 60)
    yield bool_of("passkey_enabled")
    for name in ("display_name", "id", "origins"):
        yield text_of(f"webauthn_rp_{name}")


def _outside() -> Iterator[ConfigField]:
    for provider in PROVIDERS:
        yield bool_of(f"external_{provider}_enabled")
        yield text_of(f"external_{provider}_client_id")
        yield secret_of(f"external_{provider}_secret")
        if provider != "workos":
            yield bool_of(f"external_{provider}_email_optional")
        if provider in _WITH_URL:
            yield text_of(f"external_{provider}_url")
        if provider in SEVERAL_CLIENTS:
            yield text_of(f"external_{provider}_additional_client_ids")
    yield bool_of("external_google_skip_nonce_check")
    yield bool_of("external_web3_solana_enabled")
    yield bool_of("external_web3_ethereum_enabled")
    for hook in HOOKS:
        yield bool_of(f"hook_{hook}_enabled")
        yield text_of(f"hook_{hook}_uri")
        yield secret_of(f"hook_{hook}_secrets")
    yield fixed("saml_enabled", Kind.BOOL, False, _NO_SAML)
    yield fixed("saml_external_url", Kind.TEXT, None, _NO_SAML)
    yield fixed("nimbus_oauth_client_id", Kind.TEXT, None, _NO_NIMBUS)
    yield fixed("nimbus_oauth_client_secret", Kind.TEXT, None, _NO_NIMBUS)
    yield bool_of("oauth_server_enabled")
    yield bool_of("oauth_server_allow_dynamic_registration")
    yield text_of("oauth_server_authorization_path")
    yield bool_of("custom_oauth_enabled", default=True)


#: What a change may name.
FIELDS = {field.name: field for part in (_general, _mail, _phone, _safety, _factors, _outside) for field in part()}
#: What is told beside.
ONLY_TOLD = (
    fixed("saml_allow_encrypted_assertions", Kind.BOOL, False, _NO_SAML),
    fixed("nimbus_oauth_email_optional", Kind.BOOL, False, _NO_NIMBUS),
    fixed("custom_oauth_max_providers", Kind.INT, 0, _UNLIMITED),
)
