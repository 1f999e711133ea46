"""What Auth is given beside what an owner chose."""

from supafleet.stack.auth_environment import complete_auth_environment

ISSUER = "https://acme.example.com/auth/v1"


def test_nothing_follows_from_nothing() -> None:
    assert complete_auth_environment({}, ISSUER, {}) == {}
    assert complete_auth_environment({"GOTRUE_PASSWORD_MIN_LENGTH": "9"}, ISSUER, {}) == {
        "GOTRUE_PASSWORD_MIN_LENGTH": "9"
    }


def test_a_provider_is_told_where_to_send_people_back() -> None:
    chosen = {"GOTRUE_EXTERNAL_LINKEDIN_OIDC_CLIENT_ID": "one"}
    assert complete_auth_environment(chosen, ISSUER, {}) == {
        **chosen,
        "GOTRUE_EXTERNAL_LINKEDIN_OIDC_REDIRECT_URI": f"{ISSUER}/callback",
    }


def test_a_limit_per_address_names_the_header_that_the_gateway_sets() -> None:
    assert (
        complete_auth_environment({"GOTRUE_RATE_LIMIT_OTP": "5"}, ISSUER, {})["GOTRUE_RATE_LIMIT_HEADER"] == "X-Real-IP"
    )
    assert "GOTRUE_RATE_LIMIT_HEADER" not in complete_auth_environment(
        {"GOTRUE_RATE_LIMIT_EMAIL_SENT": "5"}, ISSUER, {}
    )


def test_a_mail_server_gets_no_placeholder_of_the_release() -> None:
    given = complete_auth_environment({"GOTRUE_SMTP_HOST": "mail.example.com"}, ISSUER, {})
    assert (given["GOTRUE_SMTP_USER"], given["GOTRUE_SMTP_PASS"], given["GOTRUE_SMTP_PORT"]) == ("", "", "587")


def test_what_the_owner_chose_stays() -> None:
    chosen = {
        "GOTRUE_EXTERNAL_GITHUB_CLIENT_ID": "one",
        "GOTRUE_EXTERNAL_GITHUB_REDIRECT_URI": "https://elsewhere.example.com",
        "GOTRUE_RATE_LIMIT_VERIFY": "5",
        "GOTRUE_RATE_LIMIT_HEADER": "CF-Connecting-IP",
        "GOTRUE_SMTP_HOST": "mail.example.com",
        "GOTRUE_SMTP_USER": "me",
    }
    given = complete_auth_environment(chosen, ISSUER, {})
    assert {name: given[name] for name in chosen} == chosen


def test_a_template_is_a_url_of_the_gateway_and_another_text_another_url() -> None:
    first, second = (
        complete_auth_environment({}, ISSUER, {"email_change": text})["GOTRUE_MAILER_TEMPLATES_EMAIL_CHANGE"]
        for text in ("<p>one</p>", "<p>two</p>")
    )
    assert first.startswith("http://api-gw:8000/mail-templates/email_change.html?")
    assert first != second
    own = {"GOTRUE_MAILER_TEMPLATES_EMAIL_CHANGE": "https://example.com/mail.html"}
    assert complete_auth_environment(own, ISSUER, {"email_change": "<p>one</p>"}) == own
