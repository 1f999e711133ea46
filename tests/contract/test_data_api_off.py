"""A project without schemas to serve: REST and GraphQL are off at the gateway, and nothing else is different."""

from dataclasses import replace
from typing import Any

from rendered_stack import stack_of
from stack_cases import CASES

OFF = {"name": "request-termination", "config": {"status_code": 404, "message": "The Data API of this project is off."}}
DATA_API = {"rest-v1-openapi", "rest-v1", "graphql-v1"}


def rendered(**settings: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """The gateway's services by name, the rest of its file, and the environment of PostgREST."""
    stack = stack_of(replace(CASES[0], own_settings=settings))
    services = {one["name"]: one for one in stack.kong.pop("services")}
    return services, stack.kong, stack.environments["rest"]


def test_only_rest_and_graphql_are_off_and_still_ask_for_a_key() -> None:
    on, on_rest, on_environment = rendered()
    off, off_rest, off_environment = rendered(db_schemas="")
    assert off_rest == on_rest
    assert {name for name in on if on[name] != off[name]} == DATA_API
    for name in DATA_API:
        plugins = off[name]["plugins"]
        assert OFF in plugins
        assert {**off[name], "plugins": [one for one in plugins if one != OFF]} == on[name]
        assert {"key-auth", "acl"} <= {one["name"] for one in plugins}
    # It would not start without one.
    assert off_environment == {**on_environment, "PGRST_DB_SCHEMAS": "public"}
