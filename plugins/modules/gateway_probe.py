#!/usr/bin/python
"""Ask a project through its published address, as a client would."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_probe
short_description: Use a project through its gateway
description:
  - Sends a few requests to the published address of a project, at the same time, and compares the status codes.
    It looks and touches nothing.
options:
  url:
    description: Address of the gateway, such as V(http://127.0.0.1:24300).
    type: str
    required: true
  keys:
    description: API keys by name.
    type: dict
    required: true
  dashboard_username:
    description: User name of the dashboard.
    type: str
    required: true
  dashboard_password:
    description: Password of the dashboard.
    type: str
    required: true
  checks:
    description: What is asked, with V(name), V(path), V(key) (the name of a key, V(wrong), V(dashboard) or V(none)) and
      V(status), the list of codes that are right.
    type: list
    elements: dict
    required: true
  timeout:
    description: Seconds that one request may take.
    type: int
    default: 10
  patience:
    description: Seconds for which a wrong answer is asked again; a gateway that has just started still looks names up.
    type: int
    default: 15
author: [Supafleet]
"""

EXAMPLES = r"""
- name: Ask the gateway
  gateway_probe:
    url: http://127.0.0.1:24300
    keys: {anon: "...", service_role: "..."}
    dashboard_username: supabase
    dashboard_password: "..."
    checks:
      - {name: auth answers, path: /auth/v1/health, key: anon, status: [200]}
"""

RETURN = r"""
checks:
  description: Name, whether it is right, the status code and a sentence, of each check.
  returned: always
  type: list
"""

import base64
import concurrent.futures
import http.client
import time
import urllib.parse

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS = {
    "url": {"type": "str", "required": True},
    "keys": {"type": "dict", "required": True, "no_log": True},
    "dashboard_username": {"type": "str", "required": True},
    "dashboard_password": {"type": "str", "required": True, "no_log": True},
    "checks": {"type": "list", "elements": "dict", "required": True},
    "timeout": {"type": "int", "default": 10},
    "patience": {"type": "int", "default": 15},
}


def headers_for(key, params):
    if key == "none":
        return {}
    if key == "dashboard":
        pair = ":".join((params["dashboard_username"], params["dashboard_password"]))
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    value = "not-a-key" if key == "wrong" else params["keys"][key]
    return {"apikey": value, "Authorization": "Bearer " + value}


def ask(address, path, headers, timeout):
    """The status code of one GET request; proxies of the environment are not used."""
    connect = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = connect(address.hostname, address.port, timeout=timeout)
    try:
        connection.request("GET", address.path.rstrip("/") + path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def run_check(check, params):
    address = urllib.parse.urlsplit(params["url"])
    path, headers = check["path"], headers_for(check["key"], params)
    deadline = time.monotonic() + params["patience"]
    while True:
        try:
            status, detail = ask(address, path, headers, params["timeout"]), ""
        except (OSError, http.client.HTTPException) as error:
            status, detail = 0, f"no answer: {error}"
        if status in check["status"]:
            return {"name": check["name"], "ok": True, "status": status, "detail": ""}
        if time.monotonic() > deadline:
            wanted = " or ".join(str(code) for code in check["status"])
            detail = detail or f"GET {path} answered {status} instead of {wanted}"
            return {"name": check["name"], "ok": False, "status": status, "detail": detail}
        time.sleep(0.25)


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = module.params
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(params["checks"])) as pool:
        checks = list(pool.map(lambda check: run_check(check, params), params["checks"]))
    wrong = [check for check in checks if not check["ok"]]
    if wrong:
        url, sentence = params["url"], "; ".join(": ".join((check["name"], check["detail"])) for check in wrong)
        module.fail_json(msg=f"the project does not answer as it should through {url}: {sentence}", checks=checks)
    module.exit_json(changed=False, checks=checks)


if __name__ == "__main__":
    main()
