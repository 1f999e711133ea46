"""Every failure of a start is one sentence that names what to do."""

from typing import Any

import pytest

from supafleet.explanation import explain_failure

PROJECT = {"gateway_port": 24321, "bind_address": "127.0.0.1", "flavour": "supabase"}
IMAGES = {"auth": "supabase/gotrue:v2.196.0", "db": "supabase/postgres:17.6.1.136"}


def container(service: str, **facts: Any) -> dict[str, Any]:
    return {"service": service, "exit_code": 1, "restart_count": 0, "error": "", "failed_checks": 0, **facts}


def explain(message: str = "", flavour: str = "supabase", **observation: Any) -> str:
    return explain_failure(
        {"sick": [], "containers": [], "phases": {}, **observation}, message, {**PROJECT, "flavour": flavour}, IMAGES
    )


def test_a_restarting_service_is_named_with_its_exit_code_and_log() -> None:
    sentence = explain(
        sick=["auth"],
        containers=[container("auth", restart_count=4)],
        phases={"auth": "restarting"},
        log_tails={"auth": "GOTRUE_SITE_URL is missing"},
    )
    assert sentence.splitlines() == [
        "service auth ended with exit code 1 and was restarted 4 times",
        "last lines of auth:",
        "GOTRUE_SITE_URL is missing",
    ]


def test_the_service_that_died_comes_before_the_ones_that_suffer() -> None:
    sentence = explain(
        sick=["auth", "db"],
        containers=[container("auth", failed_checks=5), container("db", exit_code=3)],
        phases={"auth": "unhealthy", "db": "exited"},
    )
    assert sentence.index("service db ended") < sentence.index("service auth is unhealthy")


def test_memory_is_named() -> None:
    assert "ran out of memory" in explain(
        sick=["db"], containers=[container("db", out_of_memory=True)], phases={"db": "exited"}
    )


@pytest.mark.parametrize(
    "said",
    [
        "Error response from daemon: pull access denied for supabase/gotrue:v2.196.0, repository does not exist",
        'failed to resolve reference "supabase/gotrue:v2.196.0": dial tcp: lookup registry: no such host',
    ],
)
def test_an_image_that_cannot_be_pulled_is_named_with_both_ways_out(said: str) -> None:
    sentence = explain(said)
    assert "supabase/gotrue:v2.196.0 (service auth) cannot be pulled" in sentence
    assert "registry_prefix" in sentence
    assert "flavour sandbox" in sentence


@pytest.mark.parametrize(
    "said",
    [
        'Get "https://registry.example.com/v2/": net/http: request canceled while waiting for connection',
        "toomanyrequests: You have reached your unauthenticated pull rate limit",
        "unauthorized: authentication required",
        "error from registry: denied",
    ],
)
def test_what_a_registry_says_without_an_image_is_told_with_the_images_that_are_missing(said: str) -> None:
    sentence = explain(said, phases={"db": "healthy", "auth": "missing"})
    assert sentence.startswith("supabase/gotrue:v2.196.0 (service auth) cannot be pulled: check the registry, ")
    assert "SUPAFLEET_REGISTRY_PREFIX" in sentence
    assert said in sentence


def test_many_missing_images_are_counted() -> None:
    images = {f"s{number}": f"image{number}:1" for number in range(12)}
    phases = dict.fromkeys(images, "missing")
    sentence = explain_failure({"sick": [], "containers": [], "phases": phases}, "unauthorized", PROJECT, images)
    assert sentence.startswith("image0:1 (service s0), image1:1 (service s1), image2:1 (service s2) and 9 more cannot")


def test_a_missing_sandbox_image_names_the_playbook() -> None:
    sentence = explain("Error: No such image: supabase/gotrue:v2.196.0", flavour="sandbox")
    assert "run playbooks/sandbox_images.yml" in sentence


def test_a_taken_port_is_named() -> None:
    assert "port 24321 on 127.0.0.1 is taken" in explain("Bind for 127.0.0.1:24321 failed: port is already allocated")


def test_a_full_disk_is_named() -> None:
    assert "disk of the Docker host is full" in explain("write /var/lib/x: no space left on device")


def test_anything_else_quotes_composes_last_words() -> None:
    assert explain("first line\nsomething odd\n") == "Docker Compose failed: something odd"
