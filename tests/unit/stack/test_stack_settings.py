"""Settings: defaults for everything, one clear sentence for what is not allowed."""

import pytest

from supafleet.stack.settings import ProjectSettings, SettingsError, parse_settings

APP_URL = "must be a URL such as https://app.example.com or myapp://callback, without commas and spaces"


def test_nothing_is_required():
    assert parse_settings({}) == ProjectSettings()


def test_every_setting_is_described():
    undescribed = [name for name, field in ProjectSettings.model_fields.items() if not field.description]
    assert undescribed == []


@pytest.mark.parametrize(
    "url",
    ["https://app.example.com/a?b=1", "myapp://callback", "myapp://", "exp+shop://192.0.2.1:8081", "shop:/in"],
)
def test_an_application_may_be_a_page_or_a_deep_link(url):
    assert parse_settings({"site_url": url}).site_url == url


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({"colour": "red"}, "settings.colour is not a known name"),
        ({"site_url": "example.com"}, f"settings.site_url: {APP_URL}"),
        ({"site_url": "localhost:3000"}, f"settings.site_url: {APP_URL}"),
        ({"site_url": "http://a b"}, f"settings.site_url: {APP_URL}"),
        ({"site_url": "myapp://a,b"}, f"settings.site_url: {APP_URL}"),
        ({"site_url": "my\napp://a"}, "settings.site_url: may not hold line breaks or other control characters"),
        ({"site_url": "http://"}, "settings.site_url: must be a URL that starts with http:// or https://"),
        ({"site_url": "http://[x"}, "settings.site_url: must be a URL that starts with http:// or https://"),
        ({"public_url": "myapp://a"}, "settings.public_url: must be a URL that starts with http:// or https://"),
        (
            {"additional_redirect_urls": "a\nb"},
            "settings.additional_redirect_urls: may not hold line breaks or other control characters",
        ),
        ({"jwt_expiry": 1}, "settings.jwt_expiry: input should be greater than or equal to 60"),
        (
            {"jwt_expiry": "soon"},
            "settings.jwt_expiry: input should be a valid integer, unable to parse string as an integer",
        ),
        (
            {"db_schemas": "public;drop"},
            "settings.db_schemas: must be a comma-separated list of schema names, for example public,graphql_public",
        ),
        (
            {"mcp_allowed_addresses": ["here"]},
            "settings.mcp_allowed_addresses.0: must be an IP address or a network such as 203.0.113.0/24",
        ),
        ({"postgres": {"port": 1}}, "settings.postgres: 'port' is fixed by the topology and cannot be set"),
        (
            {"postgres": {"a-b": 1}},
            "settings.postgres: 'a-b' must be a Postgres setting's name: lower-case letters, digits, _ and one dot",
        ),
        (
            {"postgres": {"work_mem": "1\n2"}},
            "settings.postgres.work_mem: may not hold line breaks or other control characters",
        ),
        (
            {"environment": {"mail": {}}},
            "settings.environment: 'mail' is not a service; the services are db, kong, auth, rest, realtime, storage, "
            "imgproxy, meta, functions, analytics, vector, studio",
        ),
        (
            {"environment": {"auth": {"lower": "x"}}},
            "settings.environment: 'lower' of auth must be a name of capital letters, digits and _",
        ),
        (
            {"environment": {"auth": {"GOTRUE_X": "a\0b"}}},
            "settings.environment.auth.GOTRUE_X: may not hold line breaks or other control characters",
        ),
        (
            {"environment": {"db": {"POSTGRES_USER": "me"}}},
            "settings.environment: 'POSTGRES_USER' of db cannot be set: the image creates its roles with its own value",
        ),
        (
            {"images": {"auth": "supabase/gotrue"}},
            "settings.images: 'supabase/gotrue' of auth "
            "must be an image with its tag, such as supabase/gotrue:v2.196.0",
        ),
        (
            {"images": {"auth": "UPPER:x"}},
            "settings.images: 'UPPER:x' of auth must be an image with its tag, such as supabase/gotrue:v2.196.0",
        ),
    ],
)
def test_a_wrong_setting_is_refused_in_one_sentence(raw, sentence):
    with pytest.raises(SettingsError) as refusal:
        parse_settings(raw)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    "image",
    [
        "supabase/gotrue:v2.196.0",
        "mirror.example.com:5000/a/b_c:1",
        "x:y@sha256:" + "0" * 64,
    ],
)
def test_an_image_may_come_from_anywhere(image):
    assert parse_settings({"images": {"auth": image}}).images["auth"] == image


def test_scalars_become_text_as_containers_read_it():
    settings = parse_settings({"environment": {"auth": {"A": True, "B": 7, "C": 1.5}}, "postgres": {"jit": False}})
    assert settings.environment["auth"] == {"A": "true", "B": "7", "C": "1.5"}
    assert settings.postgres == {"jit": "false"}


def test_settings_survive_storage():
    settings = parse_settings({"jwt_expiry": 7200, "environment": {"auth": {"A": "b"}}})
    assert parse_settings(settings.model_dump(exclude_unset=True)) == settings
