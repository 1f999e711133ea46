"""The pages that show the API need nothing from elsewhere."""

import re

import pytest

from tests.integration.api.conftest import Api

_FETCHED = re.compile(r"""(?:src|href)=["']([^"']+)["']""")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_a_page_of_the_api_is_served_whole(api: Api, path: str) -> None:
    page = api.client.get(path)
    assert page.status_code == 200
    assert "/openapi.json" in page.text
    fetched = _FETCHED.findall(page.text)
    assert any(address.endswith(".js") for address in fetched), fetched
    for address in fetched:
        assert address.startswith("/"), f"{path} fetches {address} from elsewhere"
        answer = api.client.get(address)
        assert answer.status_code == 200, address
        assert answer.content, address
