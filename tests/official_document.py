"""The official document, which judges every answer that a test of the API gets, in process or from a running service.

`management_api.json` holds the official schemas of answers as JSON Schema, without their words. An enum that is open to
new values is none there. `service/supafleet/official/operations.json` holds ids, paths and success codes.
"""

import json
import re
from pathlib import Path

import httpx
import jsonschema

from supafleet.official.catalogue import Operation, operations

_DOCUMENT = json.loads(Path(__file__).with_name("management_api.json").read_text())
OFFICIAL = {operation.id: operation for operation in operations()}
#: A path may be another one with a parameter: the one with the fewest parameters is meant.
_PATTERNS = [
    (re.compile(re.sub(r"\{[^}]*\}", "[^/]+", one.path)), one)
    for one in sorted(operations(), key=lambda one: one.path.count("{"))
]

#: What an answer leaves out although the document requires it, and why.
LEFT_OUT = {
    "v2-get-project-config": {
        "data.attributes.pooler": "no release has a pooler",
        "data.attributes.realtime.connection_pool": "Realtime does not tell it",
    },
    "v1-get-available-regions": {"recommendations.smartGroup": "the only host is in no official region"},
}

#: Operations whose answer is no document of JSON that has a shape, whatever is said of it.
NO_JSON = {
    "v1-run-a-query": "the rows, whatever they are; the document is silent",
    "v1-read-only-query": "the same",
    "v1-get-project-logs-all": "the same rows as v1-get-project-logs tells; the document is silent",
    "v1-get-a-function-body": "a multipart form",
}

#: The official operations that a module must have called with success by its end, beside those of test_contract.py.
CALLED_ELSEWHERE: dict[str, set[str]] = {
    "e2e/running/test_database_api.py": {
        "v1-create-login-role",
        "v1-delete-login-roles",
        "v1-generate-typescript-types",
        "v1-get-a-migration",
        "v1-get-database-metadata",
        "v1-get-database-openapi",
        "v1-get-performance-advisors",
        "v1-get-project-logs",
        "v1-get-project-logs-all",
        "v1-get-security-advisors",
        "v1-list-all-buckets",
        "v1-patch-a-migration",
        "v1-rollback-migrations",
        "v1-run-a-query",
        "v1-update-database-password",
        "v1-upsert-a-migration",
    },
    "integration/api/test_api_keys.py": {
        "v1-create-project-api-key",
        "v1-delete-project-api-key",
        "v1-get-project-api-key",
        "v1-get-project-legacy-api-keys",
        "v1-update-project-api-key",
        "v1-update-project-legacy-api-keys",
    },
    "integration/api/test_database_api.py": {
        "v1-apply-a-migration",
        "v1-enable-database-webhook",
        "v1-list-all-buckets",
        "v1-list-migration-history",
        "v1-read-only-query",
        "v1-run-a-query",
        "v1-update-database-password",
    },
    "integration/api/test_function_secrets.py": {
        "v1-bulk-create-secrets",
        "v1-bulk-delete-secrets",
        "v1-list-all-secrets",
    },
    "integration/api/test_functions.py": {
        "v1-bulk-update-functions",
        "v1-delete-a-function",
        "v1-deploy-a-function",
        "v1-get-a-function",
        "v1-get-a-function-body",
        "v1-list-all-functions",
    },
    "integration/api/test_members.py": {
        "v1-get-all-projects-for-organization",
        "v1-get-an-organization",
        "v1-list-organization-members",
        "v2-assign-organization-member-role",
        "v2-create-organization-invitations",
        "v2-delete-organization-invitations",
        "v2-list-organization-members",
        "v2-list-organization-roles",
        "v2-remove-organization-members",
    },
}

#: The operations whose successes were judged since this module of tests began.
judged: set[str] = set()


def judge(answer: httpx.Response) -> None:
    """Hold the success of an official operation to its code and its shape."""
    operation = operation_of(answer.request)
    if operation is None or not answer.is_success:
        return
    answer.read()
    judged.add(operation.id)
    assert answer.status_code == operation.success, (operation.id, answer.text)
    if operation.id not in NO_JSON:
        problems = complaints(operation.id, answer)
        assert not problems, f"{operation.id}: {problems}"


def operation_of(request: httpx.Request) -> Operation | None:
    """The official operation that the request asks for, or None."""
    for pattern, operation in _PATTERNS:
        if operation.method == request.method and pattern.fullmatch(request.url.path):
            return operation
    return None


def has_document(name: str) -> bool:
    """Whether the success of an official operation has a body."""
    return name in _DOCUMENT["answers"] or name in NO_JSON


def complaints(name: str, answer: httpx.Response) -> list[str]:
    """What is wrong with the answer of an operation by the official document."""
    schema = _DOCUMENT["answers"].get(name)
    if schema is None:
        is_empty = answer.content == b"" and "content-type" not in answer.headers
        is_empty &= answer.status_code == 204 or answer.headers.get("content-length") == "0"
        return [] if is_empty else ["the body must be empty, of length 0 and of no type"]
    validator = jsonschema.Draft202012Validator({**schema, "$defs": _DOCUMENT["$defs"]})
    allowed = LEFT_OUT.get(name, {})
    found = []
    for error in validator.iter_errors(answer.json()):
        where = ".".join(str(step) for step in error.absolute_path)
        missing = str(error.message).split("'")[1] if error.validator == "required" else ""
        place_of_error = ".".join(part for part in (where, missing) if part)
        if place_of_error not in allowed:
            found.append(f"{place_of_error}: {error.message}"[:300])
    return found
